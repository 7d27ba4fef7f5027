"""What a person can get wrong ends with one line and exit code 1, before any work is done or lost."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.pipelines.conftest import Journey
from tests.pipelines.project import SMALLER, Project

NINE = "OFAMobileNetV3, SE_B_OFAMobileNetV3, SE_D_OFAMobileNetV3, SE_P_OFAMobileNetV3, SE_DP_OFAMobileNetV3"


@pytest.mark.parametrize(
    ("wrong", "value", "allowed"),
    [
        ("dataset=cifar11", "cifar11", "known: digits"),
        ("source=cifar11", "cifar11", "known: digits"),
        ("supernet=EE_X_OFAMobileNetV3", "EE_X_OFAMobileNetV3", f"known: {NINE}"),
        ("objectives=accuracy+mac", "'mac'", "accuracy, params, macs"),
        ("objectives=params+macs", "accuracy", "accuracy always"),
        ("widths.narrow=0", "widths.narrow", "greater than or equal to 0.1"),
        ("widths.wide=9", "widths.wide", "less than or equal to 4"),
        ("widths.narrow=0.3", "narrow (0.3)", "below wide (0.2)"),
        ("eps.phases.depth_1.epochs=-1", "eps.phases.depth_1.epochs", "greater than or equal to 0"),
        ("search.adaptation.epochs=-3", "-3", "greater than or equal to 0"),
        ("postprocess.thesis.max_epochs=0", "postprocess.thesis.max_epochs", "greater than 0"),
        ("search.turn=3", "search.turn'", "did you mean 'search.turns'?"),
        ("epochs=3", "unknown parameter 'epochs'", "known: supernet, schedule, teacher"),
    ],
)
def test_a_wrong_parameter(empty, run_in, wrong, value, allowed):
    result = run_in(empty)("--params", wrong)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ") and len(result.output.splitlines()) == 1
    assert value in result.output and allowed in result.output
    assert_nothing_was_done(empty)


def test_a_missing_input_names_the_command_that_makes_it(empty, run_in):
    result = run_in(empty)("--pipeline", "postprocess", "--params", "seed=3")
    assert result.exit_code == 1
    assert result.output.startswith("Error: there is no archive at ")
    assert result.output.endswith(
        "; this makes it: kedro run --pipeline natv2_search --env test --params seed=3\n"
    )
    assert_nothing_was_done(empty)


def test_without_a_supernet_every_way_to_one_is_named(empty, run_in):
    """What people type first, on a fresh machine: nothing is fetched for it."""
    result = run_in(empty)("--pipeline", "natv2_search", "--params", "dataset=cifar100,seed=3")
    assert result.exit_code == 1 and len(result.output.splitlines()) == 1
    assert result.output.startswith("Error: there is no supernet of EE_D_OFAMobileNetV3 to start from (no ")
    for told in (
        "no narrow.supernet at ",
        " and no wide.supernet at ",
        "; train it on digits, which takes about ",
        " of one core here (timed just now; ofav2_plan times it better): kedro run --pipeline ofav2_eps",
        " --env test --params dataset=cifar100,seed=3; or import one: ",
        "ofa_mbv3_d234_e346_k357_w1.0 and ofa_mbv3_d234_e346_k357_w1.2 at https://github.com/han-cai/files",
        ": natv2 import-ofa FILE FILE --env test --params seed=3, then the same command with source=ofa",
    ):
        assert told in result.output
    assert_nothing_was_done(empty)


def test_with_one_supernet_only_the_other_is_missing(journey, run_in, tmp_path):
    project = Project(tmp_path, SMALLER)
    (narrow,) = (path for name, path in journey.outputs.items() if "narrow/supernet.safetensors/" in name)
    copy = project.root / narrow.relative_to(journey.project.root)
    copy.parent.mkdir(parents=True)
    shutil.copy(narrow, copy)
    said = run_in(project)("--pipeline", "natv2_search").output
    assert "no wide.supernet at" in said and "no narrow.supernet" not in said


def test_what_no_run_keeps_cannot_be_started_from(empty, run_in):
    result = run_in(empty)("--pipeline", "ofav2_eps", "--from-nodes", "narrow.single_stage")
    assert result.exit_code == 1
    last = result.output.splitlines()[-1]  # behind a warning of Kedro-Viz
    assert "is not kept when a run has ended" in last and "--from-nodes narrow.depth_1" in last


ELSEWHERE = {"run": {"params": {"elastic": {"kernels": [3, 5]}}}}


def test_a_missing_input_of_a_config_file_names_the_file(empty, run_in, tmp_path):
    (tmp_path / "values.json").write_text(json.dumps(ELSEWHERE))
    result = run_in(empty)("--pipeline", "natv2_search", "--config", str(tmp_path / "values.json"))
    assert result.exit_code == 1
    assert "kedro run --pipeline ofav2_eps --env test --config FILE; or" in result.output


def test_a_supernet_with_other_elastic_values_than_asked_for(journey, run_in, tmp_path):
    project = Project(tmp_path, SMALLER)
    for path in journey.outputs.values():
        if path.stem == "supernet":
            copy = project.root / path.relative_to(journey.project.root)
            copy.parent.mkdir(parents=True)
            shutil.copy(path, copy)
    (tmp_path / "values.json").write_text(json.dumps(ELSEWHERE))
    result = run_in(project)("--pipeline", "natv2_search", "--config", str(tmp_path / "values.json"))
    assert result.exit_code == 1
    (name,) = {path.parts[-5] for path in journey.outputs.values() if path.stem == "supernet"}
    assert f"is a supernet of {name}, not {name}, kernels 3 5 as asked for" in result.output
    assert not (project.root / "mlflow.db").exists()


def assert_nothing_was_done(project: Project) -> None:
    assert not (project.root / "mlflow.db").exists()
    assert not [path for path in (project.root / "data").rglob("*") if path.is_file()]


def truncate(path: Path, journey: Journey) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def foreign(path: Path, journey: Journey) -> None:
    save_file({"weight": torch.zeros(2)}, path)


def text(path: Path, journey: Journey) -> None:
    path.write_text("weights")


def finished(path: Path, journey: Journey) -> None:
    network, *_ = (p for name, p in journey.outputs.items() if "finished_networks" in name)
    shutil.copy(network, path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, "is not a whole safetensors file"),
        (text, "is not a whole safetensors file"),
        (foreign, "is a safetensors file, but not one that natv2 wrote"),
        (finished, "holds a network, not a supernet"),
    ],
)
def test_a_damaged_or_foreign_checkpoint(journey, run_in, tmp_path, damage, message):
    project = Project(tmp_path, SMALLER)
    for path in journey.outputs.values():
        if path.stem == "supernet":
            copy = project.root / path.relative_to(journey.project.root)
            copy.parent.mkdir(parents=True)
            shutil.copy(path, copy)
    damage(copy, journey)
    before = copy.read_bytes()
    result = run_in(project)("--pipeline", "natv2_search")
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert result.output.startswith(f"Error: {copy} {message}")
    assert copy.read_bytes() == before
    assert not (project.root / "mlflow.db").exists()


def test_a_supernet_of_another_width(journey, run_in):
    result = run_in(journey.project)("--pipeline", "natv2_search", "--params", "widths.wide=0.3")
    assert result.exit_code == 1
    assert "wide.supernet" in result.output and "width 0.2, not width 0.3" in result.output
    assert len(result.output.splitlines()) == 1


def test_a_loss_that_is_not_finite(journey, tmp_path, run_in):
    project = Project(tmp_path, SMALLER)
    shutil.copy(journey.project.root / "mlflow.db", tmp_path)  # MLflow takes seconds to make an empty one
    result = run_in(project)("--pipeline", "ofav2_eps", "--params", "eps.phases.kernel.lr=1e30")
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].startswith(
        "Error: narrow.kernel: the loss is nan at epoch 1, step 2; the state after epoch 0 is kept."
    )
    # What had been computed is there still, and the attempt stays open.
    (attempt,) = project.attempts
    for width in ("narrow", "wide"):
        assert (attempt / f"{width}.full/loop.safetensors").exists()
    assert sum(path.name == "full.safetensors" for path in project.outputs().values()) == 2
    assert not [name for name in project.outputs() if "kernel" in name]
    assert project.tracked_runs()[0].info.status == "FAILED"


def test_what_was_made_on_other_splits_is_not_read(journey, run_in):
    """By the records that a real search has kept: with another share, images that trained would validate."""
    result = run_in(journey.project)("--pipeline", "postprocess", "--params", "images.valid_fraction=0.5")
    assert result.exit_code == 1
    assert "was made with validation share of digits: None; now: 0.5" in result.output
    assert "kedro run --pipeline natv2_search --env test" in result.output.splitlines()[-1]


def test_a_file_that_has_changed_since_its_run_is_named_before_any_work(journey, run_in):
    path = journey.project.newest("search_summary.json")
    before, runs = path.read_bytes(), len(journey.project.tracked_runs())
    path.write_bytes(before.replace(b"1", b"2", 1))
    try:
        result = run_in(journey.project)("--pipeline", "postprocess")
    finally:
        path.write_bytes(before)
    assert result.exit_code == 1
    assert f"Error: {path} is not as its run saved it" in result.output
    assert len(journey.project.tracked_runs()) == runs


@pytest.mark.parametrize("pipeline", ["baselines", "postprocess", "predictor_study", "rank_study"])
def test_what_was_found_by_another_metric_is_not_read(journey, run_in, pipeline):
    result = run_in(journey.project)("--pipeline", pipeline, "--params", "metric=macro")
    assert result.exit_code == 1
    (told,) = (line for line in result.output.splitlines() if line.startswith("Error"))
    assert ", was made with metric: top1; now: macro. This makes it anew: kedro run --pipeline" in told
    assert "natv2_search --env test --params metric=macro" in told


def test_aep_has_no_other_metric(empty, run_in):
    result = run_in(empty)("--pipeline", "aep", "--params", "metric=macro")
    assert result.exit_code == 1
    assert (
        result.output.startswith("Error: metric=macro is for searches")
        and "leave metric out" in result.output
    )
    assert_nothing_was_done(empty)
