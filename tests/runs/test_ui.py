"""`natv2 ui`: MLflow at the project's own experiment, on this machine alone."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from click.testing import CliRunner

from natv2.runs.experiment import project_experiment
from natv2.runs.ui import experiment_url, ui
from tests.conftest import REPOSITORY


@pytest.fixture
def project(tmp_path: Path, database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    shutil.copy(database, tmp_path)

    for name in ("conf/demo", "src"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copy(REPOSITORY / "conf/logging.yml", tmp_path / "conf")
    return tmp_path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_it_serves_the_projects_experiment_until_it_is_ended(project: Path) -> None:
    """By SIGTERM, for which Python has no exception of its own; Ctrl-C is the same from there on."""
    client, experiment = project_experiment(project)
    run = client.create_run(experiment, run_name="search nat").info.run_id
    port = free_port()
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "src"), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "natv2", "ui", "--no-open", "--env", "demo", "--port", str(port)]
    with subprocess.Popen(
        command, cwd=project, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            assert url == experiment_url(f"http://127.0.0.1:{port}", experiment, "demo")
            place = f"http://127.0.0.1:{port}/api/2.0/mlflow/runs/search"
            asked = Request(place, json.dumps({"experiment_ids": [experiment]}).encode(), method="POST")
            asked.add_header("Content-Type", "application/json")
            with urlopen(asked, timeout=20) as answer:
                assert [each["info"]["run_id"] for each in json.load(answer)["runs"]] == [run]
        finally:
            process.send_signal(signal.SIGTERM)
    assert process.returncode == 0
    with socket.socket() as gone:  # nothing is left that listens
        assert gone.connect_ex(("127.0.0.1", port)) != 0


def test_its_address_names_experiment_mode_and_environment() -> None:
    plain = experiment_url("http://127.0.0.1:5000/", "7", None)
    assert plain == "http://127.0.0.1:5000/#/experiments/7/runs?workflowType=machine_learning"
    assert "runs?searchFilter=tags.env%20%3D%20%27demo%27&workflow" in experiment_url("http://x", "7", "demo")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--env", "dmo"], "unknown environment 'dmo'; known: demo"),
        (["--port", "PORT"], "cannot be used (Address already in use); --port names another"),
    ],
)
def test_what_cannot_be_is_told(project: Path, options: list[str], message: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = [each.replace("PORT", str(taken.getsockname()[1])) for each in options]
        result = CliRunner().invoke(ui, ["--no-open", *given])
    assert result.exit_code == 1 and message in result.output and len(result.output.splitlines()) == 1


def test_a_server_that_is_there_is_shown(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without asking it: whoever gives the address has started it."""
    opened: list[str] = []
    monkeypatch.setattr("natv2.runs.ui.webbrowser.open", opened.append)
    asked = type("Client", (), {"tracking_uri": "http://host:1"})()
    monkeypatch.setattr("natv2.runs.experiment.project_experiment", lambda project: (asked, "3"))
    result = CliRunner().invoke(ui, [])
    assert result.exit_code == 0
    assert (
        opened
        == [result.output.strip()]
        == ["http://host:1/#/experiments/3/runs?workflowType=machine_learning"]
    )
