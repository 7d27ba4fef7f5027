"""A plan has every stage of the search to come, and leaves no trace; its figures are counted instead."""

from dataclasses import replace
from itertools import count
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from natv2.costs.config import BatchLatencyConfig
from natv2.images.config import CalibrationConfig
from natv2.objectives.costs import space_costs
from natv2.search.adaptation.subnets import extreme_networks
from natv2.search.adaptation.training import TargetSupernets
from natv2.search.config import AdaptationConfig, SearchConfig, WarmUpConfig
from natv2.search.latency import NO_TABLE
from natv2.search.latency_time import table_seconds, unmeasured_table
from natv2.search.needs import search_memory, turns_disk, warm_up_disk, warm_up_of_both_disk
from natv2.search.plan import plan_search
from natv2.search.space_parts import SpaceParts
from natv2.search.turn_time import turn_seconds
from natv2.spaces.space import SearchSpace
from natv2.training.needs import Disk
from natv2.training.supernet_needs import SupernetSize
from tests.configs import RUN
from tests.designs import DESIGNS
from tests.search.test_search import CONFIG, GOAL
from tests.tiny import CLASSES, new_supernet, splits

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
        steps=1,
        new_exits=(1, 2, 3, 4),
    )
    rows = plan[plan["stage"].str.startswith("warm-up of new heads, width")]
    assert rows["epochs"].tolist() == [3, 3] and (rows["training"] > 0).all()
    assert all(parameter.requires_grad for supernet in family.values() for parameter in supernet.parameters())


@pytest.mark.parametrize(("growth", "archive"), [("substitute", 12), ("grow", 12 + 3 * 4 // 2)])
def test_a_row_for_each_stage_and_supernets_as_they_were(monkeypatch, growth, archive):
    """By a clock that goes on by a second whenever it is looked at."""
    for module in ("training.timing", "training.evaluation_time", "search.turn_time"):
        clock = SimpleNamespace(perf_counter=count().__next__)
        monkeypatch.setattr(f"natv2.{module}.time", clock)
    family = {width: new_supernet("EE_B_OFAMobileNetV3", width) for width in (0.1, 0.2)}
    before = {w: [p.clone() for p in supernet.parameters()] for w, supernet in family.items()}
    space = SearchSpace(design=DESIGNS["EE_B_OFAMobileNetV3"], resolutions=(16, 20), widths=(0.1, 0.2))
    config = SEARCH.model_copy(update={"growth": growth, "keep_supernets": growth == "grow"})
    plan = plan_search(
        TargetSupernets(family, space, IMAGES, config, RUN),
        space_costs(space, 4, NO_TABLE),
        GOAL,
        steps=2,
        budget_s=1e9,
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
    for width, supernet in family.items():
        assert all(torch.equal(a, b) for a, b in zip(supernet.parameters(), before[width], strict=True))
    assert (plan["timed"] == "all").all()
    sizes = [SupernetSize(space.design, width, CLASSES) for width in (0.1, 0.2)]
    assert (plan["memory"] == search_memory(sizes, IMAGES, config, RUN).most).all()
    disks = [
        *(warm_up_disk(size, config) for size in sizes),
        warm_up_of_both_disk(sizes, config),
        Disk(),
        turns_disk(sizes, space, config),
    ]
    assert plan["disk"].tolist() == [disk.most for disk in disks]
    # As many more as there are turns, where they are kept.
    without = turns_disk(sizes, space, config.model_copy(update={"keep_supernets": False})).most
    weights = 4 * sum(p.numel() for supernet in family.values() for p in supernet.parameters())
    assert disks[-1].most - without == (3 * weights if config.keep_supernets else 0)


def test_a_turn_for_which_there_is_no_time_is_told_by_a_smaller_one(monkeypatch):
    supernets = TargetSupernets(
        {width: new_supernet("EE_B_OFAMobileNetV3", width) for width in (0.1, 0.2)},
        SearchSpace(design=DESIGNS["EE_B_OFAMobileNetV3"], resolutions=(16, 20), widths=(0.1, 0.2)),
        IMAGES,
        SEARCH.model_copy(update={"archive_size": 40, "generations": 8, "folds": 8}),
        RUN,
    )
    taken = []
    monkeypatch.setattr("natv2.search.turn_time._Unheard", lambda *asked: Turn(asked, taken))
    monkeypatch.setattr("natv2.search.turn_time.time", SimpleNamespace(perf_counter=count().__next__))
    costs = space_costs(supernets.space, CLASSES, NO_TABLE)
    assert turn_seconds(supernets, costs, GOAL, 1e9) == (1.0, "all")
    assert [config.archive_size for config in taken] == [10, 40]
    assert {config.pre_processing for config in taken} == {1}
    seconds, told = turn_seconds(supernets, costs, GOAL, 2.0)
    assert seconds > 4 and told == "a smaller turn" and len(taken) == 3
    config = supernets.config.model_copy(update={"fitted_to": "all", "pre_processing": 5})
    turn_seconds(replace(supernets, config=config), costs, GOAL, 1e9)
    assert [config.pre_processing for config in taken[3:]] == [5, 5]


class Turn:
    """A search that takes no time, and says what was asked of it."""

    def __init__(self, asked: tuple[Any, ...], taken: list[SearchConfig]) -> None:
        self.config, self.taken = asked[3], taken

    def run(self) -> None:
        self.taken.append(self.config)


def test_the_parts_of_a_latency_table_tell_what_it_takes():
    space = SearchSpace(design=DESIGNS["OFAMobileNetV3"], resolutions=(16,), widths=(0.1, 0.2))
    config = BatchLatencyConfig(threads=1, warm_up=5, repetitions=30, batch=2, force=False)
    seconds, told = table_seconds(space, CLASSES, config, RUN, seconds=0.0)
    parts = len(SpaceParts(space, CLASSES).modules)
    assert seconds > 0 and told == f"32 of {parts} parts"
    assert table_seconds(space, CLASSES, config, RUN, seconds=1e9)[1] == "all"
    latency = space_costs(space, CLASSES, unmeasured_table(space, CLASSES))
    codes = np.stack([space.encode(space.smallest()), space.encode(space.largest())])
    smallest, largest = latency(codes)["latency"]
    assert largest > smallest > 0  # of more parts
