"""Codes of networks with several exits, against what they are said to mean, value by value."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from natv2.costs.parts import architecture_cost
from natv2.costs.table import CostTable
from natv2.objectives.constraints import Constraints
from natv2.objectives.costs import space_costs
from natv2.search.distributions.fitting import fit_categorical
from natv2.search.feasible.feasibility import closest_network
from natv2.search.latency import NO_TABLE
from natv2.spaces.exit_codes import ExitWays, cut_after, with_exits
from natv2.spaces.space import SearchSpace
from tests.designs import DESIGNS
from tests.strategies import architectures, codes, some

WAYS = ExitWays(weightings=("UNIF", "ASC", "DESC"), leaving=(0.5, 0.9))
NAME = "EE_DP_OFAMobileNetV3"


def space_of(name: str = NAME, ways: ExitWays | None = WAYS) -> SearchSpace:
    return SearchSpace(design=DESIGNS[name], resolutions=(16, 24), widths=(0.1, 0.2), ways=ways)


def naive(space: SearchSpace, code: list[int]) -> tuple[object, ...]:
    """All that a code's network and its use depend on, read value by value."""
    deepest, flags, (weighting, leaving) = code[2], code[3:7], code[7:9]
    exits = (*(exit for exit in range(1, deepest + 1) if flags[exit - 1]), deepest + 1)
    one = SearchSpace(design=space.design, resolutions=space.resolutions, widths=space.widths)
    path = one.decode(np.array([*code[:3], *code[9:]], np.int64)).path
    return path, exits, (weighting, leaving) if len(exits) > 1 else None


@some
@given(data=st.data())
def test_codes_are_equal_exactly_when_their_networks_behave_alike(data):
    space = space_of()
    given_codes = data.draw(st.lists(codes(space), min_size=2, max_size=6))
    # Two that differ little are more often the same network.
    changed = given_codes[0].copy()
    at = data.draw(st.integers(2, 8))
    changed[at] = data.draw(st.integers(int(space.lower[at]), int(space.upper[at])))
    rows = np.stack([*given_codes, changed])
    canonical = space.canonical(rows)
    meant = [naive(space, row.tolist()) for row in rows]
    for one, other in zip(canonical, meant, strict=True):
        assert [(row == one).all() for row in canonical] == [each == other for each in meant]
    assert np.array_equal(space.canonical(canonical), canonical)


@some
@given(data=st.data())
def test_a_code_names_its_exits_and_how_they_are_used(data):
    space = space_of()
    code = space.canonical(data.draw(codes(space)))
    path, exits, way = naive(space, code.tolist())
    architecture = space.decode(code)
    assert (architecture.path, architecture.exits) == (path, exits)
    assert space.way(code) == (
        ("UNIF", None) if way is None else (WAYS.weightings[way[0]], (None, 0.5, 0.9)[way[1]])
    )
    again = space.encode(architecture)
    assert space.decode(again) == architecture
    rebuilt = with_exits(again[None], exits, code[7], code[8], space.design)
    assert np.array_equal(space.canonical(rebuilt)[0], code)


@some
@given(data=st.data())
def test_costs_are_those_of_the_network_with_all_its_heads(data):
    space = space_of()
    drawn = architectures(
        space.design, resolutions=space.resolutions, widths=space.widths, several_exits=True
    )
    architecture = data.draw(drawn)
    found = CostTable(space=space, classes=7)(space.encode(architecture)[None])
    assert found[0].tolist() == architecture_cost(space.design, architecture, 7).tolist()
    exit = data.draw(st.sampled_from(architecture.exits))
    cut = space.decode(space.canonical(cut_after(space.encode(architecture)[None], exit, space.design))[0])
    assert cut.exits == tuple(each for each in architecture.exits if each <= exit)
    assert cut.masks[: 4 * exit] == architecture.masks[: 4 * exit]


def test_samples_have_all_sets_of_exits_and_what_adaptation_draws_those_of_the_best():
    space = space_of()
    drawn = space.sample_architectures(3000, np.random.default_rng(0))
    kept = {space.decode(code).exits for code in drawn}
    assert len(kept) == 31
    best = np.stack([space.encode(space.largest(exits=(2, 5))) for _ in range(40)])
    best = with_exits(best, (2, 5), 2, 1, space.design)
    again = fit_categorical(space, best).sample(400, np.random.default_rng(0))
    alike = [space.decode(code).exits == (2, 5) for code in again]
    assert np.mean(alike) > 0.8
    assert np.mean([space.way(code) == ("DESC", 0.5) for code in again]) > 0.8


def test_what_keeps_a_bound_has_one_exit():
    space = space_of("EE_B_OFAMobileNetV3")
    costs_of = space_costs(space, 4, NO_TABLE)
    code = closest_network(space, costs_of, Constraints(max_macs=1))
    assert space.decode(code).exits == space.smallest().exits
    assert (
        costs_of(code[None])["macs"].item() == costs_of(space.encode(space.smallest())[None])["macs"].item()
    )


def test_a_space_without_early_exits_has_no_ways_to_use_them():
    with pytest.raises(ValueError, match="OFAMobileNetV3 has no early exits"):
        space_of("OFAMobileNetV3")
    assert space_of("EE_B_OFAMobileNetV3", None).first_level == 3
