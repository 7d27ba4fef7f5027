"""A plan has every stage of the search to come, and leaves no trace; its figures are counted instead."""

from itertools import count
from types import SimpleNamespace

import pytest
import torch

from natv2.images.config import CalibrationConfig
from natv2.objectives.costs import space_costs
from natv2.search.adaptation.subnets import extreme_networks
from natv2.search.adaptation.training import TargetSupernets
from natv2.search.config import AdaptationConfig, WarmUpConfig
from natv2.search.latency import NO_TABLE
from natv2.search.plan import plan_search
from natv2.spaces.space import SearchSpace
from tests.configs import RUN
from tests.designs import DESIGNS
from tests.search.test_search import CONFIG, GOAL
from tests.tiny import new_supernet, splits

IMAGES = splits()
SEARCH = CONFIG.model_copy(
    update={
        "turns": 3,
        "batch_size": 16,
        "kd_ratio": 1.0,
        "exit_weighting": "DESC",
        "calibration": CalibrationConfig(images=100, batch_size=16),  # more than there are
        "warm_up": WarmUpConfig(lr=0.1, largest_epochs=5, supernet_epochs=6, subnets=1),
        "adaptation": AdaptationConfig(lr=0.1, epochs=2, subnets=2),
    }
)


def test_new_heads_are_planned_for_too():
    family = {width: new_supernet("EE_B_OFAMobileNetV3", width) for width in (0.1, 0.2)}
    space = SearchSpace(design=DESIGNS["EE_B_OFAMobileNetV3"], resolutions=(16,), widths=(0.1, 0.2))
    warm_up = SEARCH.warm_up.model_copy(update={"heads_epochs": 3})
    config = SEARCH.model_copy(update={"warm_up": warm_up})
    plan = plan_search(
        TargetSupernets(family, space, IMAGES, config, RUN),
        space_costs(space, 4, NO_TABLE),
        GOAL,
        latency_seconds=0.0,
        steps=1,
        new_exits=(1, 2, 3, 4),
    )
    rows = plan[plan["stage"].str.startswith("warm-up of new heads, width")]
    assert rows["epochs"].tolist() == [3, 3] and (rows["training"] > 0).all()
    assert all(parameter.requires_grad for supernet in family.values() for parameter in supernet.parameters())


@pytest.mark.parametrize(("growth", "archive"), [("substitute", 12), ("grow", 12 + 3 * 4 // 2)])
def test_a_row_for_each_stage_and_supernets_as_they_were(monkeypatch, growth, archive):
    """By a clock that goes on by a second whenever it is looked at."""
    clock = SimpleNamespace(perf_counter=count().__next__)
    monkeypatch.setattr("natv2.training.timing.time", clock)
    monkeypatch.setattr("natv2.search.plan.time", clock)
    family = {width: new_supernet("EE_B_OFAMobileNetV3", width) for width in (0.1, 0.2)}
    before = {w: [p.clone() for p in supernet.parameters()] for w, supernet in family.items()}
    space = SearchSpace(design=DESIGNS["EE_B_OFAMobileNetV3"], resolutions=(16, 20), widths=(0.1, 0.2))
    config = SEARCH.model_copy(update={"growth": growth, "keep_supernets": growth == "grow"})
    plan = plan_search(
        TargetSupernets(family, space, IMAGES, config, RUN),
        space_costs(space, 4, NO_TABLE),
        GOAL,
        latency_seconds=0.0,
        steps=2,
    )
    largest = "warm-up of the largest network, width"
    assert plan["stage"].tolist() == [
        f"{largest} 0.1",
        f"{largest} 0.2",
        "warm-up of both supernets",
        "first archive",
        "turns",
    ]
    assert plan["times"].tolist() == [1, 1, 1, 1, 3]
    assert plan["epochs"].tolist() == [5, 5, 6, 0, 2]
    assert plan["steps"].tolist() == [10, 10, 12, 0, 4]  # of 32 images, 16 a batch
    assert (3600 * plan["training"]).tolist() == pytest.approx([10, 10, 12, 0, 3 * 4])
    grid = len(extreme_networks(space))
    assert plan["networks"].tolist() == [0, 0, 0, 24, 3 + archive + grid]
    # Twelve networks take a second with 2 x 32 images; 16 are validated, 32 calibrate.
    seconds = (16 + 32) / 64 / 12
    assert (3600 * plan["evaluation"]).tolist() == pytest.approx(
        [0, 0, 0, 24 * seconds, 3 * (3 + archive + grid) * seconds]
    )
    assert (3600 * plan["search"]).tolist() == pytest.approx([0, 0, 0, 0, 3])
    weights = 4 * sum(p.numel() for supernet in family.values() for p in supernet.parameters())
    kept = 3 * weights if config.keep_supernets else 0
    assert plan["disk"].tolist()[2:] == [4 * weights, 0, 4 * weights + kept]
    for width, supernet in family.items():
        assert all(torch.equal(a, b) for a, b in zip(supernet.parameters(), before[width], strict=True))
