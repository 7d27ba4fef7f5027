"""Runs of this project and of MLflow, each once."""

import json

import pandas as pd
import pytest
from kedro.io import DatasetError
from mlflow import MlflowClient

from natv2.catalog.runs import MLFLOW_EXPERIMENT, RunTablesDataset
from natv2.errors import UserError

FRAME = pd.DataFrame({"accuracy": [0.25, 0.5]})


def kept(root, version: str, width: str = "narrow") -> None:
    path = root / "reporting" / "EE_D" / width / "test_accuracy.csv" / version / "test_accuracy.csv"
    path.parent.mkdir(parents=True)
    FRAME.to_csv(path, index=False)


def tracked(
    root, version: str, source: str = "eurosat", ending: str = "FINISHED", frame: pd.DataFrame = FRAME
) -> None:
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(MLFLOW_EXPERIMENT)
    place = (root / "mlartifacts").as_uri()
    key = experiment.experiment_id if experiment else client.create_experiment(MLFLOW_EXPERIMENT, place)
    run = client.create_run(key, tags={"source": source, "catalog_version": version})
    client.log_text(run.info.run_id, frame.to_csv(index=False), "narrow.test_accuracy.csv")
    client.log_text(run.info.run_id, "accuracy\n7\n", "narrow.test_accuracy_of_others.csv")
    client.log_text(run.info.run_id, "no table", "narrow.figure.html")
    client.set_terminated(run.info.run_id, ending)


@pytest.fixture
def runs(tmp_path, monkeypatch) -> RunTablesDataset:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    options = {"folder": str(tmp_path / "reporting"), "table": "test_accuracy.csv"}
    return RunTablesDataset(**options, tags={"source": "eurosat"}, made_by="ofav2_eps", project=str(tmp_path))


def test_each_run_is_read_once(tmp_path, runs):
    with pytest.raises(DatasetError, match=r"no run on eurosat has a test_accuracy.csv.*ofav2_eps"):
        runs.load()
    kept(tmp_path, "2026-01-02")
    kept(tmp_path, "2026-01-02", "wide")
    assert runs.load()["run"].tolist() == ["2026-01-02"] * 4
    assert not (tmp_path / "mlflow.db").exists()  # looking makes none
    tracked(tmp_path, "2026-01-02", frame=FRAME + 1)  # the same run: this project's own table counts
    tracked(tmp_path, "2026-01-01")  # made on another machine
    tracked(tmp_path, "2026-01-03", source="digits")
    tracked(tmp_path, "2026-01-04", ending="KILLED")
    found = runs.load()
    assert found["run"].tolist() == ["2026-01-01"] * 2 + ["2026-01-02"] * 4
    assert found["accuracy"].tolist() == [0.25, 0.5] * 3


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b'a,b\n"1,2\n3'], ids=["empty", "no text", "open quote"]
)
def test_a_damaged_table_of_a_run_is_named_in_one_sentence(tmp_path, runs, content):
    kept(tmp_path, "2026-01-02")
    (file,) = (path for path in tmp_path.rglob("test_accuracy.csv") if path.is_file())
    file.write_bytes(content)
    with pytest.raises(DatasetError) as raised:
        runs.load()
    assert isinstance(raised.value.__cause__, UserError)
    assert f"{file} is not a whole table" in raised.value.__cause__.message


def test_runs_of_all_of_mlflow_s_pages_are_read(tmp_path, monkeypatch, runs):
    monkeypatch.setattr("natv2.catalog.runs._PAGE", 2)
    versions = [f"2026-01-0{day}" for day in range(1, 6)]
    for version in versions:
        tracked(tmp_path, version)
    assert runs.load()["run"].unique().tolist() == versions


def test_runs_are_looked_for_where_mlflow_is_said_to_be(tmp_path, monkeypatch, runs):
    tracked(tmp_path, "2026-01-01", frame=FRAME + 1)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    tracked(elsewhere, "2026-01-02")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{elsewhere / 'mlflow.db'}")
    assert runs.load()["accuracy"].tolist() == [0.25, 0.5]


def test_without_a_working_mlflow_this_projects_runs_are_read(tmp_path, monkeypatch, caplog, runs):
    kept(tmp_path, "2026-01-02")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nowhere://")
    with caplog.at_level("WARNING"):
        assert runs.load()["accuracy"].tolist() == [0.25, 0.5]
    assert "nowhere://" in caplog.text


def searches(root, table: str, made_by: str | None = "natv2_search") -> RunTablesDataset:
    tags = {"source": "eurosat", "folder": "paper"}
    return RunTablesDataset(
        folder=str(root / "out"), table=table, tags=tags, made_by=made_by, project=str(root)
    )


def test_tables_of_other_formats_are_read_and_other_folders_are_not(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    summary = {"preset": "nat", "objectives": ["accuracy", "macs"]}
    for name in ("front.parquet", "search_summary.json"):
        path = tmp_path / "out" / "EE_D_to_x" / "accuracy" / name / "2026-01-02" / name
        path.parent.mkdir(parents=True)
        FRAME.to_parquet(path) if path.suffix == ".parquet" else path.write_text(json.dumps(summary))
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    key = client.create_experiment(MLFLOW_EXPERIMENT, (tmp_path / "mlartifacts").as_uri())
    for version, folder in (("2026-01-01", "paper"), ("2026-01-03", "demo")):
        tags = {"source": "eurosat", "catalog_version": version, "folder": folder}
        run = client.create_run(key, tags=tags).info.run_id
        client.log_text(run, (FRAME + 1).to_csv(index=False), "front.csv")
        client.log_text(run, FRAME.to_csv(index=False), "front_of_others.csv")
        client.log_dict(run, summary | {"preset": "natv2_phase1"}, "search_summary.json")
        client.set_terminated(run, "FINISHED")
    fronts = searches(tmp_path, "front.parquet").load()
    assert list(zip(fronts["run"], fronts["accuracy"], strict=True)) == [
        ("2026-01-01", 1.25),
        ("2026-01-01", 1.5),
        ("2026-01-02", 0.25),
        ("2026-01-02", 0.5),
    ]
    summaries = searches(tmp_path, "search_summary.json").load()
    assert summaries["preset"].tolist() == ["natv2_phase1", "nat"]
    assert summaries["objectives"].tolist() == [["accuracy", "macs"]] * 2


def test_what_no_run_need_have_may_be_missing(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert searches(tmp_path, "results.csv", made_by=None).load().empty
    with pytest.raises(DatasetError, match="natv2_search"):
        searches(tmp_path, "front.parquet").load()


def test_tables_of_runs_are_read_only(runs):
    with pytest.raises(DatasetError, match="can only be read"):
        runs.save(FRAME)


@pytest.mark.parametrize("digest", ["38459584", "89e23916", "00000017"])
def test_a_digest_is_no_number(tmp_path, runs, digest):
    frame = FRAME.assign(settings=digest)
    tracked(tmp_path, "2026-01-01", frame=frame)
    path = tmp_path / "reporting/test_accuracy.csv/2026-01-02/test_accuracy.csv"
    path.parent.mkdir(parents=True)
    frame.to_csv(path, index=False)
    assert runs.load()["settings"].tolist() == [digest] * 4
