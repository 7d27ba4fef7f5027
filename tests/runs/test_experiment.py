"""MLflow's own troubles are known before any work, and said in one sentence."""

import os
import shutil
import socket
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread

import pytest

from natv2.errors import UserError
from natv2.runs import experiment
from natv2.runs.experiment import project_experiment
from natv2.runs.tracking import start_tracking


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> Path:
    """A database of another project: making one takes MLflow seconds."""
    project = tmp_path_factory.mktemp("another")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        project_experiment(project)
    return project / "mlflow.db"


@pytest.fixture
def project(database, tmp_path, monkeypatch) -> Path:
    """A project with a copy of it; its experiment is of another place."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    place = tmp_path / "a project"
    place.mkdir()
    shutil.copy(database, place)
    return place


def test_it_is_made_once(project):
    client, number = project_experiment(project)
    assert project_experiment(project)[1] == number
    assert client.get_experiment(number).artifact_location == (project / "mlartifacts").as_uri()


def test_a_damaged_database_is_told(project):
    (project / "mlflow.db").write_bytes(b"SQLite format 3\0" + b"nothing of the kind" * 99)
    with pytest.raises(UserError, match=r"MLflow at sqlite:///.*mlflow\.db does not work: ") as error:
        project_experiment(project)
    assert "\n" not in str(error.value)


def test_a_folder_in_its_databases_place_is_told_at_once(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mlflow.db").mkdir()
    with pytest.raises(UserError, match="is a folder: move it away"):
        project_experiment(tmp_path)


@pytest.mark.parametrize("closed", ["mlflow.db", "."])
def test_a_place_that_is_not_ones_own_is_told_at_once(closed, project, monkeypatch):
    """Of SQLite MLflow says so after 100 seconds, with a warning a try."""
    (project / closed).chmod(0o555)
    # Root may write all the same, as which containers run.
    monkeypatch.setattr(os, "access", lambda path, mode: bool(Path(path).stat().st_mode & 0o200))
    monkeypatch.setattr(experiment, "MlflowClient", None)
    try:
        with pytest.raises(UserError, match=r"mlflow\.db cannot be written: .* is not yours"):
            project_experiment(project)
    finally:
        (project / closed).chmod(0o755)


def test_a_deleted_experiment_is_told_with_what_brings_it_back(project):
    client, number = project_experiment(project)
    client.delete_experiment(number)
    with pytest.raises(UserError, match=f"was deleted; bring it back with .*--experiment-id {number}"):
        project_experiment(project)


def test_artifacts_that_cannot_be_written_from_here_are_told(project, monkeypatch):
    (project / "mlartifacts").touch()
    with pytest.raises(UserError, match=r"mlartifacts, which cannot be written to from here"):
        project_experiment(project)
    # A server's experiment keeps its files where its own machine has them.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project / 'mlflow.db'}")
    with pytest.raises(UserError, match=r"mlartifacts, which cannot be written to from here"):
        project_experiment(project)


def test_a_server_that_does_not_answer_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(experiment, "_ANSWER_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        before = dict(os.environ)
        with pytest.raises(UserError, match=r"MLflow at http://127.* does not work: "):
            project_experiment(tmp_path)
    assert dict(os.environ) == before


def test_a_server_that_sends_its_answer_byte_by_byte_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(experiment, "_WHOLE_ANSWER_S", 1)
    ended = Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not ended.wait(0.2):
                connection.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=drip, args=(server,), daemon=True).start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(UserError, match=r"MLflow at http://127.* has not answered within 1 s"):
            project_experiment(tmp_path)
        ended.set()


@pytest.mark.skipif(bool(find_spec("psycopg2") or find_spec("psycopg")), reason="the driver is there")
def test_a_database_whose_driver_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://u@127.0.0.1:1/x")
    with pytest.raises(UserError, match=r"does not work: No module named .psycopg"):
        project_experiment(tmp_path)


def test_a_moved_project_writes_into_itself(project, database):
    client, number = project_experiment(project)
    assert client.get_experiment(number).artifact_location == (project / "mlartifacts").as_uri()
    others = [each.name for each in client.search_experiments() if each.experiment_id != number]
    assert f"natv2, artifacts in {(database.parent / 'mlartifacts').as_uri()}" in others
    # There and back, as often as anybody likes: each place has one experiment.
    other = project.with_name("another place")
    for _ in range(2):
        project.rename(other)
        _, there = project_experiment(other)
        assert there != number
        other.rename(project)
        assert project_experiment(project)[1] == number


def test_any_folder_will_do(project, monkeypatch):
    odd = project.rename(project.with_name("50% a#b?"))
    monkeypatch.chdir(odd)
    run = start_tracking(odd, run_id=None, name="one", parameters={"a": 1}, tags={})
    run.keep("table", {"a": 1})
    run.end("FINISHED")
    assert [file.name for file in odd.glob("mlartifacts/**/table.json")] == ["table.json"]
    assert [path.name for path in odd.parent.iterdir()] == [odd.name]
    monkeypatch.chdir(odd.parent)
    with pytest.raises(UserError, match=r"no \?, # or % in the path"):
        project_experiment(odd)
