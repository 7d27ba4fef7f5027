"""Eight runs at once write into one MLflow, a file or a server's: nothing is lost."""

import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from natv2.runs.tracking import start_tracking
from tests.conftest import as_kedro_is_told

WRITERS, EPOCHS = 8, 60
PARAMETERS = {f"name_{number}": number for number in range(150)}  # two requests
METRICS = ("loss", "valid_top1", "valid_top5")


@pytest.fixture
def project(tmp_path, database, monkeypatch) -> Path:
    as_kedro_is_told(monkeypatch)
    shutil.copy(database, tmp_path)
    return tmp_path


def write(project: Path, writer: int) -> None:
    """A run as the hooks have it: parameters, tags, metrics while it trains, a table, its end."""
    run = start_tracking(
        project,
        run_id=None,
        name=f"writer {writer}",
        parameters={**PARAMETERS, "writer": writer},
        tags={"pipeline": "aep", "writer": str(writer)},
    )
    for epoch in range(EPOCHS):
        run.track({f"train/{name}": writer + epoch / 100 for name in METRICS}, epoch)
    run.keep("table", pd.DataFrame({"writer": [writer]}))
    run.end("FINISHED")


def check(client: MlflowClient, writers: int) -> None:
    experiment = client.get_experiment_by_name("natv2")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], max_results=100)
    assert sorted(int(run.data.tags["writer"]) for run in runs) == list(range(writers))
    for run in runs:
        writer = int(run.data.tags["writer"])
        assert run.info.status == "FINISHED"
        assert run.data.params == {**{k: str(v) for k, v in PARAMETERS.items()}, "writer": str(writer)}
        assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["table.csv"]
        for name in METRICS:
            history = client.get_metric_history(run.info.run_id, f"train/{name}")
            told = {metric.step: metric.value for metric in history}
            assert told == {epoch: writer + epoch / 100 for epoch in range(EPOCHS)}


def test_eight_processes_lose_nothing(project):
    """Forked: each loads MLflow's store anew, and none its packages."""
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write, args=(project, writer)) for writer in range(WRITERS)]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
    assert [process.exitcode for process in writers] == [0] * WRITERS
    check(MlflowClient(f"sqlite:///{project / 'mlflow.db'}"), WRITERS)


def test_metrics_that_the_database_did_not_take_are_written_at_the_end(project, monkeypatch, caplog):
    """One that is locked for long: MLflow's own thread forgets them."""
    taken = SqlAlchemyStore.log_batch
    refused = []

    def locked(self, run_id, metrics, params, tags):
        if metrics and not refused:
            refused.append(metrics)
            raise MlflowException("database is locked")
        return taken(self, run_id, metrics, params, tags)

    monkeypatch.setattr(SqlAlchemyStore, "log_batch", locked)
    write(project, 0)
    assert len(refused) == 1
    check(MlflowClient(f"sqlite:///{project / 'mlflow.db'}"), 1)
    assert "did not keep" not in caplog.text


def test_metrics_that_it_never_takes_are_told(project, monkeypatch, caplog):
    taken = SqlAlchemyStore.log_batch

    def locked(self, run_id, metrics, params, tags):
        if metrics:
            raise MlflowException("database is locked")
        return taken(self, run_id, metrics, params, tags)

    monkeypatch.setattr(SqlAlchemyStore, "log_batch", locked)
    write(project, 0)
    assert f"MLflow did not keep {EPOCHS * len(METRICS)} metrics: database is locked" in caplog.text


@pytest.fixture
def server(project) -> Iterator[str]:
    """The address of an MLflow server on this machine alone."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    here = ("--host", "127.0.0.1", "--port", str(port), "--workers", "1")
    places = ("--backend-store-uri", f"sqlite:///{project / 'mlflow.db'}")
    artifacts = ("--artifacts-destination", str(project / "served"))
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", *here, *places, *artifacts],
        cwd=project,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        while not answers(address):
            assert process.poll() is None, "the server has not started"
            time.sleep(0.2)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(address: str) -> bool:
    try:
        with urlopen(f"{address}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def test_a_server_takes_what_runs_tell(project, server, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    for writer in range(2):
        write(project, writer)
    check(MlflowClient(server), 2)
    assert not (project / "mlartifacts").exists()
    assert [file.name for file in (project / "served").rglob("*.csv")] == ["table.csv"] * 2
