from collections import Counter

import numpy as np
import pytest

from natv2.shrinking.phases import PHASES, choices, phases_of, sample, steps_of
from natv2.spaces.choices import Choices, combinations
from natv2.spaces.design import DESIGNS, Design

# facts, section 3: what each phase adds to those before it
LEVEL = {"level_1": (3, 5, 6, 7), "level_2": (1, 2, 3, 4, 5, 6, 7)}
EXIT = {"exit_1": (4, 5), "exit_2": (3, 4, 5), "exit_3": (2, 3, 4, 5), "exit_4": (1, 2, 3, 4, 5)}
DEPTH = {"depth_1": (3, 4), "depth_2": (2, 3, 4)}
WIDTH = {"width_1": (4, 6), "width_2": (3, 4, 6)}
DIMENSIONS = {"masks": LEVEL, "exits": EXIT, "depths": DEPTH, "expand_ratios": WIDTH}
ORDER = ["full", "kernel", *LEVEL, *EXIT, *DEPTH, *WIDTH]
SHORTER = ["full", "kernel", *DEPTH, *WIDTH]
EVERY = [(name, phase) for name in DESIGNS for phase in ORDER]


def applies(name: str, phase: str) -> bool:
    return (phase not in LEVEL or "P_" in name) and (phase not in EXIT or name.startswith("EE"))


def expected(name: str, phase: str) -> dict[str, tuple[int, ...]]:
    unlocked = {
        "kernels": (7,),
        "masks": (7,) if "P_" in name else (4,),
        "exits": (5,),
        "depths": (4,),
        "expand_ratios": (6,),
    }
    for earlier in ORDER[: ORDER.index(phase) + 1]:
        if earlier == "kernel":
            unlocked["kernels"] = (3, 5, 7)
        for dimension, values in DIMENSIONS.items():
            if earlier in values and applies(name, earlier):
                unlocked[dimension] = values[earlier]
    return unlocked


def test_the_phases_and_their_order():
    assert list(PHASES) == [*ORDER, "single_stage"]
    steps = {phase: PHASES[phase].step for phase in ORDER}
    assert steps["full"] == "resolution"
    assert all(steps[phase] == phase.split("_")[0] for phase in ORDER[1:])


@pytest.mark.parametrize(("name", "phase"), EVERY)
def test_what_is_unlocked_adds_up(name, phase):
    assert (phase in phases_of(DESIGNS[name], "eps")) == applies(name, phase)
    if applies(name, phase):
        assert vars(choices(DESIGNS[name], phase)) == expected(name, phase)


@pytest.mark.parametrize("name", DESIGNS)
def test_each_schedule_has_its_phases(name):
    design = DESIGNS[name]
    assert phases_of(design, "eps") == tuple(phase for phase in ORDER if applies(name, phase))
    assert phases_of(design, "ps") == tuple(SHORTER)
    for schedule in ("random", "sandwich"):
        assert phases_of(design, schedule) == ("single_stage",)
        assert choices(design, "single_stage", schedule) == Choices.everything(design)
    last = choices(design, "width_2", "ps")  # exits and levels stay as they are
    assert (last.exits, last.masks) == ((5,), (design.full_mask,))
    assert (last.kernels, last.depths, last.expand_ratios) == ((3, 5, 7), (2, 3, 4), (3, 4, 6))
    assert choices(design, "width_2") == Choices.everything(design)
    steps = ["resolution", "kernel", "depth", "width"]
    steps[2:2] = ["level"] * design.parallel + ["exit"] * design.early_exits
    assert list(steps_of(design, "eps")) == steps
    assert steps_of(design, "eps")["width"] == "width_2"
    assert steps_of(design, "random") == {"width": "single_stage"}


@pytest.mark.parametrize(
    ("design", "phases"),
    [
        (Design(name="two", kernels=(3, 5), expand_ratios=(4, 6), depths=(3, 4)), "kernel depth_1 width_1"),
        (Design(name="one", kernels=(5,), expand_ratios=(4,), depths=(2,)), ""),
        (Design(name="four", depths=(1, 2, 3, 4)), "kernel depth_1 depth_2 width_1 width_2"),
        (Design(name="pair", depths=(2,), blocks=("light", "separable")), "level_2"),
        (Design(name="three", depths=(2,), blocks=("light", "pointwise", "separable")), "level_1 level_2"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_phase_that_unlocks_nothing_new_is_passed_over(design, phases):
    assert phases_of(design, "eps") == ("full", *phases.split())
    last = choices(design, phases_of(design, "eps")[-1])
    assert last == Choices.everything(design)


@pytest.mark.parametrize(
    ("name", "phase", "count"),
    [
        ("EE_B_OFAMobileNetV3", "exit_2", 27),  # the thesis's own example, section 5.3
        ("EE_D_OFAMobileNetV3", "width_2", 405),
        ("OFAMobileNetV3", "kernel", 9),
        ("OFAMobileNetV3", "width_2", 81),
        # 3 sizes x 3 depths x (4 masks with the bottleneck x 9 kernels and ratios + 3 without)
        ("SE_P_OFAMobileNetV3", "width_2", 3 * 3 * (4 * 9 + 3)),
    ],
)
def test_constant_combinations(name, phase, count):
    design = DESIGNS[name]
    networks = combinations(design, choices(design, phase), resolutions=(48, 56, 64), width=1.0)
    assert len(networks) == len(set(networks)) == count
    unlocked = expected(name, phase)
    for network in networks:
        assert len(set(network.depths[: network.exits[0]])) == 1
        assert set(network.depths) - {0} <= set(unlocked["depths"])
        for dimension in ("kernels", "expand_ratios", "masks"):
            values = set(getattr(network, dimension)) - {0}
            assert len(values) <= 1
            assert values <= set(unlocked[dimension])
    assert {a.resolution for a in networks} == {48, 56, 64}


@pytest.mark.parametrize(("name", "phase"), [pair for pair in EVERY if applies(*pair) and pair[1] != "full"])
def test_sampled_subnets_stay_within_what_is_unlocked_and_reach_all_of_it(name, phase):
    unlocked = expected(name, phase)
    drawn = sample(
        DESIGNS[name],
        choices(DESIGNS[name], phase),
        60,
        resolution=48,
        width=1.2,
        generator=np.random.default_rng(0),
    )
    assert {(a.resolution, a.width) for a in drawn} == {(48, 1.2)}
    seen = {dimension: {v for a in drawn for v in getattr(a, dimension)} - {0} for dimension in unlocked}
    assert seen == {dimension: set(values) for dimension, values in unlocked.items()}
    assert all(len(a.exits) == 1 for a in drawn)


def test_each_stage_and_block_is_drawn_for_itself():
    design = DESIGNS["EE_DP_OFAMobileNetV3"]
    unlocked = choices(design, "width_2")
    drawn = sample(design, unlocked, 900, resolution=48, width=1.0, generator=np.random.default_rng(0))
    exits = Counter(a.exits[0] for a in drawn)
    assert all(abs(exits[e] / 900 - 1 / 5) < 0.05 for e in (1, 2, 3, 4, 5))
    deepest = [a for a in drawn if a.exits == (5,)]
    pairs = Counter((a.depths[0], a.depths[4]) for a in deepest)
    assert len(pairs) == 9
    assert all(abs(count / len(deepest) - 1 / 9) < 0.08 for count in pairs.values())
    masks = Counter((a.masks[0], a.masks[1]) for a in drawn)
    assert len(masks) == 49


def test_the_same_generator_draws_the_same_subnets():
    design = DESIGNS["EE_DP_OFAMobileNetV3"]
    unlocked = choices(design, "width_2")
    first, again, other = (
        sample(design, unlocked, 3, resolution=48, width=1.0, generator=np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
