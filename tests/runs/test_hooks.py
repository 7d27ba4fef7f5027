import multiprocessing
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import plotly.io
import pytest
import torch
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Run

from natv2.errors import UserError
from natv2.finished_network import StoredNetwork
from natv2.runs.tracking import start_tracking
from natv2.spaces.design import DESIGNS
from natv2.supernets.checkpoint import Checkpoint, read_checkpoint, write_checkpoint


def client(toy) -> MlflowClient:
    return MlflowClient(f"sqlite:///{toy.root / 'mlflow.db'}")


def runs(toy) -> list[Run]:
    experiment = client(toy).get_experiment_by_name("natv2")
    return client(toy).search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])


def failing_at(epoch: int, error: BaseException):
    def before_epoch(now: int) -> None:
        if now == epoch:
            raise error

    return before_epoch


def weights(toy) -> torch.Tensor:
    *_, newest = sorted((toy.root / "data/06_models").glob("*/narrow_supernet.safetensors/*/*.safetensors"))
    return read_checkpoint(newest).weights["weight"]


def test_a_run_that_ends_well_is_recorded_and_closed(toy):
    result = toy.run("--params", "seed=7")
    assert result.exit_code == 0, result.output
    run, *_ = runs(toy)
    assert run.info.status == "FINISHED"
    assert run.data.params["seed"] == "7"
    assert run.data.params["eps.phases.full.epochs"] == "1"
    assert run.data.tags["supernet"] == "EE_D_OFAMobileNetV3"
    assert run.data.tags["objectives"] == "accuracy+macs"
    # Only what the pipeline's nodes ask for is told.
    assert {name.split(".")[0] for name in run.data.params} == {"seed", "eps", "widths", "objectives"}
    history = client(toy).get_metric_history(run.info.run_id, "narrow.full/loss")
    assert sorted((metric.step, metric.value) for metric in history) == [
        (0, 1),
        (1, 0.5),
        (2, pytest.approx(1 / 3)),
    ]
    assert [file.path for file in client(toy).list_artifacts(run.info.run_id)] == ["archive.csv"]
    archive = toy.root / "mlartifacts" / run.info.run_id / "artifacts/archive.csv"
    # A node gets the typed parameter: the objectives one by one.
    assert archive.read_text() == "weight,objective\n3.0,accuracy\n3.0,macs\n"
    assert not list((toy.root / "data/06_models/progress").iterdir())

    # The same command starts afresh: all epochs again, another MLflow run.
    assert toy.run("--params", "seed=7").exit_code == 0
    assert toy.registry.EPOCHS_RUN == [0, 1, 2, 0, 1, 2]
    assert runs(toy)[0].info.run_id != run.info.run_id


@pytest.mark.parametrize(
    ("error", "status", "output"),
    [
        (UserError("the loss is nan"), "FAILED", "Error: the loss is nan"),
        (KeyboardInterrupt(), "KILLED", "Aborted!"),
    ],
)
def test_a_stopped_run_goes_on_with_its_attempt_and_mlflow_run(toy, monkeypatch, error, status, output):
    monkeypatch.setattr(toy.registry, "BEFORE_EPOCH", failing_at(2, error))
    result = toy.run()
    assert result.exit_code == 1
    assert result.output.strip().splitlines()[-1] == output
    stopped, *_ = runs(toy)
    assert stopped.info.status == status
    assert len(toy.attempts) == 1

    monkeypatch.undo()
    monkeypatch.chdir(toy.root)
    assert toy.run().exit_code == 0
    assert toy.registry.EPOCHS_RUN == [0, 1, 2]
    assert weights(toy).tolist() == [3, 3]
    resumed, *_ = runs(toy)
    assert (resumed.info.run_id, resumed.info.status) == (stopped.info.run_id, "FINISHED")
    assert resumed.data.tags["catalog_version"] != stopped.data.tags["catalog_version"]
    assert not toy.attempts


def test_fresh_abandons_an_attempt_and_another_parameter_leaves_it(toy, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(toy.registry, "BEFORE_EPOCH", failing_at(1, RuntimeError("stopped")))
        toy.run()
    (attempt,) = toy.attempts
    assert toy.run("--params", "seed=1").exit_code == 0
    assert toy.attempts == [attempt]
    assert toy.registry.EPOCHS_RUN == [0, 0, 1, 2]
    assert toy.run("--params", "fresh=true").exit_code == 0
    assert toy.registry.EPOCHS_RUN == [0, 0, 1, 2, 0, 1, 2]
    assert not toy.attempts


def test_the_precision_that_is_used_tells_attempts_apart(toy, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(toy.registry, "BEFORE_EPOCH", failing_at(1, RuntimeError("stopped")))
        toy.run("--params", "device=cpu")
        (attempt,) = toy.attempts
        toy.run("--params", "device=cpu,precision=bf16")
        assert len(toy.attempts) == 2
    # On the CPU auto is fp32: one attempt under two names.
    assert toy.run("--params", "device=cpu,precision=fp32").exit_code == 0
    assert toy.registry.EPOCHS_RUN == [0, 0, 1, 2]
    assert attempt not in toy.attempts


def test_another_number_of_threads_is_told(toy, monkeypatch, caplog):
    """It comes from the environment too, where nobody sees it."""
    with monkeypatch.context() as patched:
        patched.setattr(toy.registry, "BEFORE_EPOCH", failing_at(1, RuntimeError("stopped")))
        toy.run("--params", "threads=1")
    caplog.clear()
    assert toy.run("--params", "threads=2").exit_code == 0
    assert "is not resumed: changed are its threads (1, now 2)" in caplog.text


def test_two_processes_do_not_share_an_attempt(toy, monkeypatch):
    monkeypatch.setattr(toy.registry, "BEFORE_EPOCH", failing_at(1, RuntimeError("stopped")))
    toy.run()
    (attempt,) = toy.attempts
    with FileLock(attempt.with_suffix(".lock")):
        result = toy.run()
    assert result.exit_code == 1
    assert "the same run is open in another process" in result.output


def test_a_missing_input_names_the_command_that_makes_it(toy):
    before = len(runs(toy))
    result = toy.run(
        "--pipeline", "natv2_search", "--params", "supernet=SE_B_OFAMobileNetV3,eps.kd_ratio=0.5"
    )
    assert result.exit_code == 1
    path = toy.root / "data/06_models/SE_B_OFAMobileNetV3/narrow_supernet.safetensors"
    command = (
        "kedro run --pipeline ofav2_eps --env test --params supernet=SE_B_OFAMobileNetV3,eps.kd_ratio=0.5"
    )
    assert result.output == f"Error: there is no narrow_supernet at {path}; this makes it: {command}\n"
    assert len(runs(toy)) == before


def test_a_damaged_checkpoint_ends_with_one_message(toy):
    assert toy.run("--pipeline", "ofav2_eps").exit_code == 0
    (path,) = (toy.root / "data/06_models").glob("*/narrow_supernet.safetensors/*/*.safetensors")
    path.write_bytes(path.read_bytes()[:-4])
    result = toy.run("--pipeline", "natv2_search")
    assert result.exit_code == 1
    assert result.output.strip().splitlines()[-1].startswith(f"Error: {path} is not a whole safetensors file")


def test_a_supernet_named_in_a_file_counts_in_the_paths_of_the_catalog(toy):
    local = toy.root / "conf/test/parameters_own.yml"
    local.write_text("supernet: SE_P_OFAMobileNetV3\n")
    try:
        assert toy.run().exit_code == 0
    finally:
        local.unlink()
    assert (toy.root / "data/06_models/SE_P_OFAMobileNetV3").is_dir()
    assert runs(toy)[0].data.tags["supernet"] == "SE_P_OFAMobileNetV3"


def test_figures_and_tables_are_artifacts_that_open_without_a_network(toy):
    run = start_tracking(toy.root, run_id=None, name="figures", parameters={}, tags={})
    run.keep("front", go.Figure(go.Scatter(y=[1, 2])))
    run.keep("curves", go.Figure(go.Scatter(y=[2, 1])))
    run.keep("presets_figure", go.Figure(layout_title="there are none yet"))
    run.keep("archive", pd.DataFrame({"macs": [1]}))
    run.keep("nothing", pd.DataFrame())
    run.keep("number", 3)
    run.keep("networks", {"one": StoredNetwork({"weight": torch.ones(2)}, {"kind": "network"})})
    run.keep("no_networks", {})
    run.keep("summary", {"turns": 2})
    run.end("FINISHED")
    folder = toy.root / "mlartifacts" / run.id / "artifacts"
    assert {path.name for path in folder.iterdir()} == {
        "figures",
        "figures.html",
        "archive.csv",
        "networks",
        "summary.json",
    }
    (file,) = (folder / "networks").iterdir()
    assert file.name == "one.safetensors"
    assert StoredNetwork.read(file).tensors["weight"].tolist() == [1, 1]
    page = (folder / "figures.html").read_text()
    assert "<script src=" not in page and page.count("plotly.js v") == 1  # the script of megabytes
    assert 0 < page.index("<h2>curves</h2>") < page.index("<h2>front</h2>")  # what was drawn last comes first
    assert "presets" not in page  # it has no points
    drawn = {path.name: plotly.io.read_json(path) for path in (folder / "figures").iterdir()}
    assert drawn["front.json"].data[0].y == (1, 2) and drawn.keys() == {
        "front.json",
        "curves.json",
        "presets_figure.json",
    }
    assert sum(path.stat().st_size for path in (folder / "figures").iterdir()) < 50_000
    assert (folder / "archive.csv").read_text() == "macs\n1\n"


def test_threads_are_given_to_torch_and_a_gpu_that_is_not_there_is_refused(toy, monkeypatch):
    threads = torch.get_num_threads()
    try:
        assert toy.run("--pipeline", "ofav2_eps", "--params", "threads=1").exit_code == 0
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(threads)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    result = toy.run("--params", "device=cuda")
    assert result.exit_code == 1
    assert (
        result.output
        == "Error: parameter 'device' cannot be 'cuda': torch finds no GPU here; allowed: auto, cpu\n"
    )


def begin_and_end(project: Path) -> None:
    start_tracking(project, run_id=None, name="one", parameters={"a": 1}, tags={}).end("FINISHED")


def test_two_runs_that_begin_together_share_a_new_database(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    forked = multiprocessing.get_context("fork")  # they need not load anything
    both = [forked.Process(target=begin_and_end, args=(tmp_path,)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    experiment = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}").get_experiment_by_name("natv2")
    ended = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}").search_runs([experiment.experiment_id])
    assert [run.info.status for run in ended] == ["FINISHED", "FINISHED"]


def test_a_node_reads_what_its_own_run_saved(toy, monkeypatch):
    """Another run of the same supernet may save a newer version in between."""
    newer = "9999-01-01T00.00.00.000Z/narrow_supernet.safetensors"

    def another_run(epoch: int) -> None:
        folder = toy.root / "data/06_models/SE_P_OFAMobileNetV3/narrow_supernet.safetensors"
        weight = {"weight": torch.full((2,), 7.0)}
        design = DESIGNS["SE_P_OFAMobileNetV3"]
        other = Checkpoint(design=design, width=1.0, classes=("0",), phase="full", weights=weight)
        write_checkpoint(folder / newer, other)

    monkeypatch.setattr(toy.registry, "BEFORE_EPOCH", another_run)
    result = toy.run("--params", "supernet=SE_P_OFAMobileNetV3")
    assert result.exit_code == 0, result.output
    archive = sorted((toy.root / "data/07_model_output/accuracy+macs/archive.csv").glob("*/*.csv"))[-1]
    assert pd.read_csv(archive)["weight"].tolist() == [3.0, 3.0]
