"""A run that is killed and given again ends as an undisturbed one, bit for bit."""

import shutil
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from natv2.images.batches import Epochs
from natv2.shrinking.phases import PHASES
from natv2.training.loop import fit
from natv2.training.schedule import RateSchedule
from natv2.training.state_store import StateStore
from tests.pipelines.conftest import Journey
from tests.pipelines.project import SMALLER, Project, differences
from tests.tiny import Optimiser, splits

# The journey's last phase, whose two epochs give room for a kill, and all that comes behind it.
NODES = (
    "narrow.width_2,narrow.single_stage,wide.width_2,wide.single_stage,"
    "warm_up_largest_narrow,warm_up_largest_wide,warm_up_supernets,"
    "costs,search,search_report,plan_baselines,train_baselines,"
    "choose_networks,prepare_finishing,finish_networks,test_networks,draw_leaving,draw_results"
)
COMMAND = ("--env", "test", "--nodes", NODES)
READ = {"full", "width_1"}


@pytest.fixture
def beginning(journey: Journey, tmp_path: Path) -> Project:
    """A project with the checkpoints of the journey that those nodes read, and nothing else."""
    project = Project(tmp_path, SMALLER)
    for path in journey.outputs.values():
        if path.stem in READ:
            target = project.root / path.relative_to(journey.project.root)
            target.parent.mkdir(parents=True)
            shutil.copy(path, target)
    shutil.copy(journey.project.root / "mlflow.db", project.root)  # MLflow takes seconds to make an empty one
    return project


def test_killed_in_a_phase_and_in_the_search_it_ends_with_the_same_weights_and_archive(
    journey, beginning, run_in
):
    # The first of two epochs is done.
    beginning.kill_when(partial(beginning.has_progress, "narrow.width_2/loop.safetensors"), *COMMAND)
    # The first turn has found its candidates; the supernets are being adapted.
    beginning.kill_when(partial(beginning.has_progress, "search/turn_1_found.safetensors"), *COMMAND)
    (attempt,) = beginning.attempts
    result = run_in(beginning)(*COMMAND[2:])
    assert result.exit_code == 0, result.output
    assert not attempt.exists() and not beginning.attempts

    ended = beginning.outputs()
    left_out = {path.stem for name, path in journey.outputs.items() if name not in ended}
    reports = {"accuracy", "table", "figure", "probes", "health_figure", "curves", "curves_figure"}
    reports |= {"test_accuracy", "test_table", "page"}
    assert left_out == {*PHASES} - {*READ, "width_2", "single_stage"} | reports
    assert differences({name: journey.outputs[name] for name in ended}, ended) == []

    # All of it is one run in MLflow, with every epoch.
    known = {run.info.run_id for run in journey.project.tracked_runs()}
    (run,) = (run for run in beginning.tracked_runs() if run.info.run_id not in known)
    assert run.info.status == "FINISHED"
    for metric in ("wide.width_2/loss", "search.adaptation/loss"):
        history = beginning.mlflow.get_metric_history(run.info.run_id, metric)
        assert {entry.step for entry in history} == {0, 1}


def test_an_epoch_is_tracked_before_it_counts_as_done(tmp_path):
    module, saved, images = nn.Linear(1, 1), [], splits()

    def track(metrics, epoch):
        state = StateStore(tmp_path).load("loop")
        saved.append(len(state.values["history"]) if state else 0)

    def step(batch, epoch, index):
        loss = module(torch.ones(1, 1)).sum()
        loss.backward()
        return loss

    fit(
        module,
        step,
        Epochs(images, images.train, 32, 0, "test"),
        optimiser=Optimiser(),
        schedule=RateSchedule(lr=0.1, epochs=3),
        precision="fp32",
        store=StateStore(tmp_path, "phase", track),
    )
    assert saved == [0, 1, 2]
