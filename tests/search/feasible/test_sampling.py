"""Samples under constraints: feasible, different, and always at an end."""

import logging
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from natv2.costs.parts import MACS
from natv2.costs.table import CostTable
from natv2.objectives.constraints import UNCONSTRAINED, Constraints
from natv2.search.feasible.feasibility import check_constraints
from natv2.search.feasible.sampling import ROUNDS, sample_feasible
from natv2.spaces.design import DESIGNS
from natv2.spaces.space import Codes, SearchSpace
from tests.strategies import some

CostsOf = Callable[[Codes], pd.DataFrame]
SPACE = SearchSpace(design=DESIGNS["EE_D_OFAMobileNetV3"], resolutions=(48, 56, 64), widths=(1.0, 1.2))


def sample(
    costs_of: CostsOf, constraints: Constraints, count: int, space: SearchSpace = SPACE, seed: int = 0
) -> Codes:
    return sample_feasible(
        space,
        space.sample_architectures,
        costs_of,
        constraints,
        count,
        np.random.default_rng(seed),
        anchor=check_constraints(space, costs_of, constraints),
    )


@some
@given(share=st.floats(0.0, 1.0), macs=st.booleans(), seed=st.integers(0, 99))
def test_all_are_feasible_canonical_and_different(share: float, macs: bool, seed: int) -> None:
    costs = stand_in(SPACE.sample_architectures(500, np.random.default_rng(1)))
    low = stand_in(SPACE.encode(SPACE.smallest())[None]).iloc[0]
    bounds = low + share * (costs.mean() - low)
    constraints = Constraints(
        max_params=int(bounds.params), **({"max_macs": int(bounds.macs)} if macs else {})
    )
    codes = sample(stand_in, constraints, 20, seed=seed)
    assert 1 <= len(codes) <= 20
    assert constraints.feasible(stand_in(codes)).all()
    np.testing.assert_array_equal(codes, SPACE.canonical(codes))
    assert len(np.unique(codes, axis=0)) == len(codes)
    np.testing.assert_array_equal(codes, sample(stand_in, constraints, 20, seed=seed))


def stand_in(codes: Codes) -> pd.DataFrame:
    """As the fixture `costs_of`, for tests that draw examples."""
    weights = np.arange(1, codes.shape[1] + 1)
    return pd.DataFrame({"macs": codes @ weights**2, "params": codes @ weights[::-1]})


def test_without_constraints_they_are_what_the_sampler_draws(space: SearchSpace, costs_of: CostsOf) -> None:
    drawn = space.sample_architectures(80, np.random.default_rng(0))
    np.testing.assert_array_equal(sample(costs_of, UNCONSTRAINED, 40, space), drawn[:40])
    with_accuracy = Constraints(min_accuracy=0.9)
    np.testing.assert_array_equal(sample(costs_of, with_accuracy, 40, space), drawn[:40])


@pytest.mark.parametrize("name", ["OFAMobileNetV3", "SE_DP_OFAMobileNetV3"])
def test_where_samples_hardly_keep_them_they_are_made_to_and_stay_diverse(name: str) -> None:
    space = SearchSpace(design=DESIGNS[name], resolutions=(48, 56, 64), widths=(1.0, 1.2))
    table = CostTable(space=space, classes=10)

    def costs_of(codes: Codes) -> pd.DataFrame:
        return pd.DataFrame(table(codes)[:, [MACS]], columns=["macs"])

    sampled = costs_of(space.sample_architectures(2 * ROUNDS * 40, np.random.default_rng(0))).macs.min()
    constraints = Constraints(max_macs=int(sampled) - 1)
    codes = sample(costs_of, constraints, 40, space)
    assert len(codes) == 40 and constraints.feasible(costs_of(codes)).all()
    assert sum(len(np.unique(column)) > 1 for column in codes.T) > 15


def test_it_ends_where_one_network_is_feasible(
    space: SearchSpace, costs_of: CostsOf, caplog: pytest.LogCaptureFixture
) -> None:
    smallest, rounds = space.encode(space.smallest())[None], []

    def sampler(count: int, generator: np.random.Generator) -> Codes:
        rounds.append(count)
        return space.sample_architectures(count, generator)

    constraints = Constraints(max_macs=costs_of(smallest).macs.item())
    with caplog.at_level(logging.WARNING):
        codes = sample_feasible(
            space, sampler, costs_of, constraints, 10, np.random.default_rng(0), anchor=smallest[0]
        )
    np.testing.assert_array_equal(codes, smallest)
    assert rounds == [20] * (2 * ROUNDS)
    assert "10 networks were to be sampled" in caplog.text and "found: 1" in caplog.text
