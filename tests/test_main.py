"""The console script, from any folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from natv2 import __main__ as command
from tests.conftest import REPOSITORY


@pytest.mark.parametrize("folder", [REPOSITORY / "docs", Path(os.sep)], ids=["inside", "outside"])
def test_it_runs_the_project_from_any_folder(folder):
    program = Path(sys.executable).with_name("natv2")
    environment = {name: value for name, value in os.environ.items() if name != "KEDRO_ENV"}
    result = subprocess.run(
        [program, "run", "--env", "nope"], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 1
    known = "base, demo, local, photos, reduced, test"
    assert result.stderr == f"Error: unknown environment 'nope'; known: {known}\n"
    assert result.stdout == ""


REFUSED = """
import sys
from natv2.__main__ import main

for wrong in (["--env", "nope"], ["--params", "foo=1"], ["--pipeline", "nope"], ["--params", "preset=nope"]):
    sys.argv = ["natv2", "run", *wrong]
    try:
        main()
    except SystemExit as stop:
        assert stop.code == 1
print(sorted({"torch", "mlflow", "sklearn", "lightgbm", "pymoo", "plotly", "matplotlib"} & set(sys.modules)))
"""


def test_what_is_refused_has_loaded_nothing_large():
    result = subprocess.run([sys.executable, "-c", REFUSED], cwd=REPOSITORY, capture_output=True, text=True)
    assert len(result.stderr.splitlines()) == 4 and result.stderr.count("Error: unknown") == 4, result.stderr
    assert result.stdout == "[]\n"


def test_without_a_clone_it_says_what_to_do(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        command.main()
    assert stop.value.code == 1
    assert "is in no project of natv2; start it in a clone of the repository" in capsys.readouterr().err
