"""A plan has every phase of the training to come, and leaves no trace; its figures are measured instead."""

from itertools import count
from types import SimpleNamespace

import pytest
import torch

from natv2.images.batches import Epochs
from natv2.shrinking import teacher
from natv2.shrinking.plan import plan
from natv2.shrinking.train import phase_step
from natv2.training.distillation import make_teacher
from natv2.training.timing import step_seconds
from tests.configs import RUN
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
def test_a_row_for_each_phase_and_a_supernet_as_it_was(monkeypatch, schedule, phases, tested, taught):
    """By a clock that goes on by a second whenever it is looked at."""
    monkeypatch.setattr("natv2.training.timing.time", SimpleNamespace(perf_counter=count().__next__))
    teachers = []
    monkeypatch.setattr(teacher, "make_teacher", lambda *a, **o: teachers.append(a) or make_teacher(*a, **o))
    supernet = new_supernet(NAME)
    before = {name: weight.clone() for name, weight in supernet.named_parameters()}
    calibration = CONFIG.eps.calibration.model_copy(update={"images": 100})  # more than there are
    training = changed(schedule=schedule, phases=every_phase(2, 3), evaluation="extremes")
    training = changed(training, calibration=calibration)
    table = plan(supernet, images=IMAGES, training=training, run=RUN, steps=2)
    assert table["phase"].tolist() == phases
    assert (table["steps"] == 3 * 2).all()  # epochs x batches of 16 among 32 images
    assert (table["step_ms"] == 1000).all()
    assert table["training"].tolist() == pytest.approx([6 / 3600] * len(phases))
    # 32 images calibrate and the same are tested in a second; the probes' second test needs no calibration
    seconds = ((32 + 40) + (32 + 40) + 40) / 64
    assert table["evaluation"].tolist() == pytest.approx([seconds / 3600] * len(phases))
    expected = [(32 + 16) / 64 / 3600 if phase in tested else 0 for phase in phases]
    assert table["test"].tolist() == pytest.approx(expected)
    assert table["memory"].between(2**26, 2**40).all()  # bytes
    assert len(teachers) == taught
    numbers = sum(weight.numel() for weight in before.values())
    assert (table["disk"] == 4 * 4 * numbers).all()
    assert all(torch.equal(weight, before[name]) for name, weight in supernet.named_parameters())


def test_slow_steps_are_timed_twice(monkeypatch):
    monkeypatch.setattr("natv2.training.timing._ENOUGH_S", -1.0)
    taken = []
    step = phase_step(new_supernet(NAME), "full", None, IMAGES, changed(), RUN, "plan")

    def counted(batch, epoch, index):
        taken.append(index)
        return step(batch, epoch, index)

    supernet = new_supernet(NAME)
    epochs = Epochs(IMAGES, IMAGES.train, 16, 0, "plan")
    assert step_seconds(supernet, counted, epochs, optimiser=changed().eps, precision="fp32", steps=20) > 0
    assert taken == [0, 1]
