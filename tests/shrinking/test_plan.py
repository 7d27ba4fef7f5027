"""A plan has every phase of the training to come, and leaves no trace; its figures are measured instead."""

from dataclasses import replace

import pytest
import torch

from natv2.shrinking.plan import plan
from tests.shrinking.test_train import CONFIG, IMAGES, NAME, every_phase
from tests.tiny import new_supernet


@pytest.mark.parametrize(
    ("schedule", "phases", "tested"),
    [
        ("ps", ["full", "kernel", "depth_1", "depth_2", "width_1", "width_2"], 4),
        ("sandwich", ["whole"], 1),
    ],
)
def test_a_row_for_each_phase_and_a_supernet_as_it_was(schedule, phases, tested):
    supernet = new_supernet(NAME)
    before = {name: weight.clone() for name, weight in supernet.named_parameters()}
    config = replace(CONFIG, schedule=schedule, phases=every_phase(2, 3), extremes_only=True)
    table = plan(supernet, images=IMAGES, config=config, steps=1)
    assert table["phase"].tolist() == phases
    assert (table["steps"] == 3 * 2).all()  # epochs x batches of 16 among 32 images
    assert (table[["step_ms", "training", "evaluation", "memory"]] > 0).all(axis=None)
    # 1 ms a step for 6 steps, in hours
    assert table["training"].tolist() == pytest.approx((table["step_ms"] / 1000 * 6 / 3600).tolist())
    assert (table["test"] > 0).sum() == tested
    numbers = sum(weight.numel() for weight in before.values())
    assert (table["disk"] == 4 * 4 * numbers).all()
    assert all(torch.equal(weight, before[name]) for name, weight in supernet.named_parameters())
