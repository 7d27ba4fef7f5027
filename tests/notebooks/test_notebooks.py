"""The notebooks run from top to bottom, and have been run: their outputs are in them."""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest

from tests.conftest import REPOSITORY
from tests.pipelines.conftest import Journey

NOTEBOOKS = REPOSITORY / "notebooks"


def code_cells(name: str) -> list[dict[str, Any]]:
    cells = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def run(name: str) -> dict[str, Any]:
    """The names after all cells."""
    names: dict[str, Any] = {}
    with mpl.rc_context({"backend": "agg"}):
        for cell in code_cells(name):
            exec(compile("".join(cell["source"]), f"{name}:{cell['id']}", "exec"), names)
    return names


def test_first_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("first_steps")["same"] is True


def test_choose_a_network(journey: Journey, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a project whose journey has ended: what it loads is right as often as the table says."""
    monkeypatch.chdir(journey.project.root)
    names = run("choose_a_network")
    assert names["same"]
    assert names["chosen"]["macs"] == names["as_good"]["macs"].min()


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_outputs_are_there_and_say_no_place(path: Path) -> None:
    cells = code_cells(path.stem)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    shown = [output for cell in cells for output in cell["outputs"]]
    assert len(shown) >= 4 and not [output for output in shown if output["output_type"] == "error"]
    assert "/tmp/" not in json.dumps(shown) and "/home/" not in json.dumps(shown)
