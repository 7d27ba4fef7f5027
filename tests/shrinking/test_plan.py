"""A plan has every phase of the training to come, and leaves no trace; its figures are measured instead."""

import math
from itertools import count
from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from natv2.images.batches import Epochs
from natv2.shrinking import teacher
from natv2.shrinking.needs import phase_disk, training_memory
from natv2.shrinking.plan import plan
from natv2.shrinking.train import phase_step
from natv2.training.distillation import make_teacher
from natv2.training.passing_hours import passing_hours
from natv2.training.supernet_needs import SupernetSize
from natv2.training.timing import step_time
from tests.configs import RUN
from tests.ranks.group_of import ranks
from tests.shrinking.test_train import CONFIG, IMAGES, NAME, changed, every_phase
from tests.tiny import new_supernet


@pytest.mark.parametrize(
    ("schedule", "phases", "tested", "taught"),
    [
        (
            "ps",
            ["full", "kernel", "depth_1", "depth_2", "width_1", "width_2"],
            ["full", "kernel", "depth_2", "width_2"],
            5,
        ),
        ("sandwich", ["single_stage"], ["single_stage"], 0),
    ],
)
def test_a_row_for_each_phase_and_a_supernet_as_it_was(monkeypatch, caplog, schedule, phases, tested, taught):
    """By a clock that goes on by a second whenever it is looked at."""
    for module in ("timing", "evaluation_time"):
        clock = SimpleNamespace(perf_counter=count().__next__)
        monkeypatch.setattr(f"natv2.training.{module}.time", clock)
    teachers = []
    monkeypatch.setattr(teacher, "make_teacher", lambda *a, **o: teachers.append(a) or make_teacher(*a, **o))
    supernet = new_supernet(NAME)
    before = {name: weight.clone() for name, weight in supernet.named_parameters()}
    calibration = CONFIG.eps.calibration.model_copy(update={"images": 100})  # more than there are
    training = changed(schedule=schedule, phases=every_phase(2, 3), evaluation="extremes")
    training = changed(training, calibration=calibration)
    caplog.set_level("INFO")
    table = plan([supernet], images=IMAGES, training=training, run=RUN, steps=2, budget_s=1e9)
    assert table["phase"].tolist() == phases
    assert (table["steps"] == 3 * 2).all()  # epochs x batches of 16 among 32 images
    assert (table["step_ms"] == 1000).all()
    assert table["training"].tolist() == pytest.approx([6 / 3600] * len(phases))
    # 32 images calibrate and the same are tested in a second; the probes' second test needs no calibration
    seconds = ((32 + 40) + (32 + 40) + 40) / 64
    assert table["evaluation"].tolist() == pytest.approx([seconds / 3600] * len(phases))
    expected = [(32 + 16) / 64 / 3600 if phase in tested else 0 for phase in phases]
    assert table["test"].tolist() == pytest.approx(expected)
    size = SupernetSize(supernet.design, supernet.width, supernet.classes)
    assert table["memory"].tolist() == [
        training_memory(size, phase, IMAGES, training, RUN).most for phase in phases
    ]
    assert (table["disk"] == phase_disk(size, phases[0], training).most).all()
    assert (table["timed"] == "all").all()
    assert [f"width 0.1, {phase}: " in caplog.text for phase in phases] == [True] * len(phases)
    assert "best top-1" not in caplog.text and "loss" not in caplog.text  # of what is only timed
    assert len(teachers) == taught
    assert all(torch.equal(weight, before[name]) for name, weight in supernet.named_parameters())


def test_supernets_that_are_trained_at_once_are_timed_at_once(caplog):
    caplog.set_level("INFO", "natv2")
    training = changed(schedule="ps", phases=every_phase(1, 1), evaluation="extremes")
    both = [new_supernet(NAME, width=0.2), new_supernet(NAME)]
    with ranks(ranks=2):
        table = plan(both, images=IMAGES, training=training, run=RUN, steps=1, budget_s=0.0)
    alone = plan(both, images=IMAGES, training=training, run=RUN, steps=1, budget_s=0.0)
    what = ["width", "phase", "epochs", "steps", "memory", "disk"]
    pd.testing.assert_frame_equal(table[what], alone[what])
    assert (table["at_once"] == 2).all() and (alone["at_once"] == 1).all()
    assert sum(passing_hours(table).values()) < table[["training", "evaluation", "test"]].to_numpy().sum()
    assert sum(passing_hours(alone).values()) == pytest.approx(
        alone[["training", "evaluation", "test"]].to_numpy().sum()
    )
    for row in table.itertuples():  # both ranks tell what they find
        assert caplog.text.count(f"width {row.width:g}, {row.phase}: ") == 2


def test_a_plan_without_time_tells_all_by_little(monkeypatch):
    monkeypatch.setattr("natv2.training.timing.time", SimpleNamespace(perf_counter=count().__next__))
    training = changed(schedule="ps", phases=every_phase(1, 1), evaluation="all")
    table = plan([new_supernet(NAME)], images=IMAGES, training=training, run=RUN, steps=20, budget_s=0.0)
    assert table["step_ms"].iloc[0] == 2000  # of 16 images, when 8 take a second
    # A kernel phase trains a smaller network than the largest, and has it for a teacher.
    assert 1000 < table["step_ms"].iloc[1] < 3000
    assert table["timed"].iloc[0] == "8 of 16 images, other networks"  # the probes
    assert (table["timed"].iloc[1:] == "other steps, other networks").all()
    assert (table[["training", "evaluation"]] > 0).all(axis=None)


@pytest.mark.parametrize(("seconds", "taken"), [(0.0, [8, 8]), (math.inf, [8, 8, 16, 16])])
def test_slow_steps_are_timed_twice(monkeypatch, seconds, taken):
    monkeypatch.setattr("natv2.training.timing._ENOUGH_S", -1.0)
    supernet, images = new_supernet(NAME), []
    step = phase_step(supernet, "full", None, IMAGES, changed(), RUN, "plan")

    def counted(batch, epoch, index):
        images.append(len(batch))
        return step(batch, epoch, index)

    epochs = Epochs(IMAGES, IMAGES.train, 16, 0, "plan")
    config = changed().eps
    found = step_time(
        supernet, counted, epochs, optimiser=config, precision="fp32", steps=20, seconds=seconds
    )
    assert images == taken
    assert found.seconds > 0 and found.images == taken[-1] and found.batch == 16
