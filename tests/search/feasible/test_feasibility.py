"""What no network can keep, against all networks of a small space."""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from natv2.costs.latency_table import LatencyTable
from natv2.costs.parts import MACS, PARAMS
from natv2.costs.table import CostTable
from natv2.errors import UserError
from natv2.objectives.constraints import BOUNDS, Constraints
from natv2.search.feasible.feasibility import check_constraints, closest_network
from natv2.spaces.design import DESIGNS, Design
from natv2.spaces.space import Codes, SearchSpace
from tests.strategies import some

COSTS = ("max_params", "max_macs", "max_latency")
LEAST = {"max_params": 1, "max_macs": 1, "max_latency": 1e-3}
"""Bounds that no network keeps."""


@dataclass(frozen=True)
class Costed:
    """A space with true parameters and MACs, and latencies that know no order: those of a noisy device."""

    space: SearchSpace

    @cached_property
    def table(self) -> CostTable:
        return CostTable(space=self.space, classes=10)

    @cached_property
    def latencies(self) -> LatencyTable:
        space, generator = self.space, np.random.default_rng(0)
        grid = (len(space.resolutions), len(space.widths))
        levels = generator.gamma(2.0, 0.1, (*grid, space.design.levels, space.upper[-1] + 1))
        levels[..., 0] = 0.0  # a level that is skipped takes no time
        rest = generator.gamma(2.0, 0.1, (*grid, len(space.design.exits)))
        return LatencyTable(space=space, levels=levels, rest=rest)

    def costs_of(self, codes: Codes) -> pd.DataFrame:
        assert np.array_equal(codes, self.space.canonical(codes))
        costs = self.table(codes)
        latency = self.latencies(codes)
        return pd.DataFrame({"latency": latency, "macs": costs[:, MACS], "params": costs[:, PARAMS]})

    @cached_property
    def every(self) -> pd.DataFrame:
        """The costs of all networks there are."""
        ranges = [np.arange(a, b + 1) for a, b in zip(self.space.lower, self.space.upper, strict=True)]
        codes = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, self.space.variables)
        return self.costs_of(np.unique(self.space.canonical(codes), axis=0))


def costed(design: Design, resolutions: tuple[int, ...] = (16, 24)) -> Costed:
    return Costed(SearchSpace(design=design, resolutions=resolutions, widths=(0.5, 1.0)))


SMALL = {
    "depths": costed(Design(name="d", early_exits=True, kernels=(3,), expand_ratios=(3, 6), depths=(1, 2))),
    "masks": costed(Design(name="m", early_exits=True, blocks=("pointwise", "light"), depths=(1,))),
    "one exit": costed(Design(name="o", kernels=(3, 5), expand_ratios=(3,), depths=(1, 2))),
}
BIG = costed(DESIGNS["EE_DP_OFAMobileNetV3"], (48, 56, 64))
EACH = pytest.mark.parametrize("here", SMALL.values(), ids=SMALL)


@EACH
@pytest.mark.parametrize("name", COSTS)
def test_the_least_of_one_cost_is_that_of_all_networks(here: Costed, name: str) -> None:
    constraints, objective = Constraints(**{name: LEAST[name]}), BOUNDS[name].objective
    code = closest_network(here.space, here.costs_of, constraints)
    found = here.costs_of(code[None])[objective].item()
    assert found == here.every[objective].min()


@EACH
@some
@given(
    shares=st.lists(st.floats(0, 0.6), min_size=3, max_size=3),
    names=st.sets(st.sampled_from(COSTS), min_size=2),
)
def test_the_closest_network_is_the_closest_of_all(
    here: Costed, shares: list[float], names: set[str]
) -> None:
    # Shares of the networks that keep each bound: hard to keep together where they are small.
    bounds = {n: here.every[BOUNDS[n].objective].quantile(s) for n, s in zip(COSTS, shares, strict=True)}
    constraints = Constraints(
        **{name: bounds[name] if name == "max_latency" else int(bounds[name]) for name in names}
    )
    code = closest_network(here.space, here.costs_of, constraints)
    found = constraints.violations(here.costs_of(code[None])).item()
    assert found == pytest.approx(constraints.violations(here.every).min(), abs=1e-12)


def told(message: str) -> Constraints:
    """The constraints at the end of a message."""
    _, text = re.split("the least that can be kept is |what can be kept is ", message)
    return Constraints(**{name: float(bound) for name, bound in re.findall(r"(\w+)=([\d.]+)", text)})


@pytest.mark.parametrize("name", COSTS)
def test_what_is_impossible_is_told_with_the_least_that_is_not(name: str) -> None:
    least = closest_network(BIG.space, BIG.costs_of, Constraints(**{name: LEAST[name]}))
    value = BIG.costs_of(least[None])[BOUNDS[name].objective].item()
    bound = value - 1 if name != "max_latency" else value - 0.002
    with pytest.raises(UserError, match=f"EE_DP_OFAMobileNetV3 .*{name}={bound}") as error:
        check_constraints(BIG.space, BIG.costs_of, Constraints(**{name: bound}))
    closest = told(error.value.message)
    assert value <= closest.active[name] <= value + 0.0011
    code = check_constraints(BIG.space, BIG.costs_of, closest)
    assert closest.feasible(BIG.costs_of(code[None])).all()


def test_several_impossible_bounds_are_all_told() -> None:
    with pytest.raises(UserError) as error:
        check_constraints(BIG.space, BIG.costs_of, Constraints(max_params=10, max_macs=20, max_latency=9.0))
    assert "max_params=10 (" in error.value.message and "max_macs=20 (" in error.value.message
    assert "latency" not in error.value.message and "\n" not in error.value.message


@pytest.mark.parametrize("here", [*SMALL.values(), BIG], ids=[*SMALL, "big"])
def test_bounds_that_cannot_be_kept_together(here: Costed) -> None:
    # The fastest network with as few MACs as the one with the fewest: another one, so both bounds fail.
    fewest = closest_network(here.space, here.costs_of, Constraints(max_macs=1))
    fastest = closest_network(here.space, here.costs_of, Constraints(max_latency=1e-3))
    constraints = Constraints(
        max_macs=here.costs_of(fewest[None]).macs.item(),
        max_latency=here.costs_of(fastest[None]).latency.item() + 1e-6,
    )
    for name, bound in constraints.active.items():
        check_constraints(here.space, here.costs_of, Constraints(**{name: bound}))
    with pytest.raises(UserError, match=r"keep each of .* keeps them together") as error:
        check_constraints(here.space, here.costs_of, constraints)
    closest = told(error.value.message)
    code = check_constraints(here.space, here.costs_of, closest)
    assert closest.feasible(here.costs_of(code[None])).all()


def test_accuracy_is_not_known_before_the_search() -> None:
    code = check_constraints(BIG.space, BIG.costs_of, Constraints(min_accuracy=0.99))
    np.testing.assert_array_equal(code, BIG.space.canonical(code))


def test_a_cost_that_is_not_known_is_refused() -> None:
    def without(codes: Codes) -> pd.DataFrame:
        return BIG.costs_of(codes).drop(columns="latency")

    with pytest.raises(UserError, match=r"max_latency=3.*knows no latency.*macs, params"):
        check_constraints(BIG.space, without, Constraints(max_latency=3))
