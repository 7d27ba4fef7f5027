"""Runs of this project and of MLflow, each once."""

import pandas as pd
import pytest
from kedro.io import DatasetError
from mlflow import MlflowClient

from natv2.catalog.runs import EXPERIMENT, RunTablesDataset

FRAME = pd.DataFrame({"accuracy": [0.25, 0.5]})


def kept(root, version: str, width: str = "narrow") -> None:
    path = root / "reporting" / "EE_D" / width / "test_accuracy.csv" / version / "test_accuracy.csv"
    path.parent.mkdir(parents=True)
    FRAME.to_csv(path, index=False)


def tracked(root, version: str, source: str = "eurosat", ending: str = "FINISHED") -> None:
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(EXPERIMENT)
    place = (root / "mlartifacts").as_uri()
    key = experiment.experiment_id if experiment else client.create_experiment(EXPERIMENT, place)
    run = client.create_run(key, tags={"source": source, "catalog_version": version})
    client.log_text(run.info.run_id, FRAME.to_csv(index=False), "narrow.test_accuracy.csv")
    client.log_text(run.info.run_id, "no table", "narrow.figure.html")
    client.set_terminated(run.info.run_id, ending)


def test_each_run_is_read_once(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    options = {"folder": str(tmp_path / "reporting"), "table": "test_accuracy.csv", "source": "eurosat"}
    runs = RunTablesDataset(**options, project=str(tmp_path))
    with pytest.raises(DatasetError, match=r"no run on eurosat has a test_accuracy.csv.*ofav2_eps"):
        runs.load()
    kept(tmp_path, "2026-01-02")
    kept(tmp_path, "2026-01-02", "wide")
    assert runs.load()["run"].tolist() == ["2026-01-02"] * 4
    tracked(tmp_path, "2026-01-02")  # the same run
    tracked(tmp_path, "2026-01-01")  # made on another machine
    tracked(tmp_path, "2026-01-03", source="digits")
    tracked(tmp_path, "2026-01-04", ending="KILLED")
    found = runs.load()
    assert found["run"].tolist() == ["2026-01-01"] * 2 + ["2026-01-02"] * 4
    assert found["accuracy"].tolist() == [0.25, 0.5] * 3
