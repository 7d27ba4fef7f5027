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
    assert result.stderr == "Error: unknown environment 'nope'; known: base, demo, local, reduced, test\n"
    assert result.stdout == ""


def test_without_a_clone_it_says_what_to_do(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        command.main()
    assert stop.value.code == 1
    assert "is in no project of natv2; start it in a clone of the repository" in capsys.readouterr().err
