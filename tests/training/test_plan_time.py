"""What a plan's time is shared by, and how few networks tell of many."""

from dataclasses import replace
from types import SimpleNamespace

from natv2.costs.parts import MACS, architecture_cost, head_cost, level_cost, stage_sizes
from natv2.exits.weightings import exit_weights
from natv2.spaces.channels import channel_plan
from natv2.spaces.choices import Choices, combinations
from natv2.training import budget
from natv2.training.budget import Budget
from natv2.training.evaluation_time import evaluation_time, shared_macs
from tests.tiny import CLASSES, shared_supernet, splits

NAME = "EE_DP_OFAMobileNetV3"


def test_what_a_part_leaves_goes_to_those_after_it(monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(budget, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    shared = Budget(4, 100.0)
    assert shared.share() == 25
    clock.now = 10.0
    assert shared.share() == 30
    clock.now = 90.0  # it took longer
    assert shared.share() == 5
    clock.now = 101.0
    assert shared.share() == 0
    assert shared.share() == 0  # more than were said


def test_a_plan_says_how_many_ranks_it_is_of(monkeypatch, caplog):
    caplog.set_level("INFO", logger="natv2")
    Budget(3).begin("the plan")
    monkeypatch.setattr(budget, "ranks", lambda: 2)
    Budget(3).begin("the plan")
    alone, both = (record.getMessage() for record in caplog.records)
    assert "rank" not in alone and both == f"{alone}, on 2 ranks"


def test_what_networks_share_counts_once():
    supernet = shared_supernet(NAME)
    family = {supernet.width: supernet}
    largest = supernet.largest(24)

    def alone(network):
        return int(architecture_cost(supernet.design, network, CLASSES)[MACS])

    assert shared_macs(family, [largest]) == alone(largest)
    assert shared_macs(family, [largest, largest]) == alone(largest)
    small = supernet.largest(16)
    assert shared_macs(family, [largest, small]) == alone(largest) + alone(small)
    # One that ends earlier has a part of its way and of its heads.
    early = replace(largest, exits=largest.exits[:2])
    assert shared_macs(family, [early, largest]) == alone(largest)
    kernels = (*largest.kernels[:-1], 3)
    other = replace(largest, kernels=kernels)
    # The last level and the head after it are run for both.
    plan, size = channel_plan(supernet.design, supernet.width), stage_sizes(24)[-1]
    last = level_cost(plan.level(4, 3), size, largest.masks[-1], 3, largest.expand_ratios[-1])
    again = int((last + head_cost(plan, 5, size, CLASSES))[MACS])
    assert shared_macs(family, [largest, other]) == alone(largest) + again


def test_an_evaluation_without_time_is_told_by_few_networks_and_then_by_none():
    supernet = shared_supernet(NAME)
    family, weights = {supernet.width: supernet}, exit_weights("DESC", 5).output
    networks = combinations(
        supernet.design,
        Choices.everything(supernet.design).extremes(),
        resolutions=[16],
        width=supernet.width,
    )[:20]
    few = evaluation_time(family, networks, splits(), weights, seconds=1e-9)
    assert few.networks == 4
    assert few.seconds == few.a_mac * shared_macs(family, networks) > 0
    none = evaluation_time(family, networks[:9], splits(), weights, seconds=0.0, known=few)
    assert none.networks == 0
    assert none.seconds == few.a_mac * shared_macs(family, networks[:9])
    assert evaluation_time(family, networks, splits(), weights, seconds=1e9).networks == 20
