"""Constraints as numbers, and what they do to the order and to the front of an archive."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from natv2.objectives.constraints import BOUNDS, UNCONSTRAINED, Constraints
from natv2.search.archive import Archive
from natv2.search.moo.survival import best_first, non_dominated
from natv2.search.report.description import describe_archive
from natv2.spaces.space import SearchSpace

Maker = Callable[..., Archive]
OBJECTIVES = ("macs", "accuracy")


@pytest.fixture
def archive(make_archive: Maker) -> Archive:
    return make_archive(30)


@pytest.fixture
def half(archive: Archive) -> Constraints:
    """Bounds that some of the archive keep, and some violate on either side."""
    bounds = archive.values.quantile(0.6)
    result = Constraints(max_macs=int(bounds.macs), min_accuracy=archive.values.accuracy.quantile(0.3))
    beyond = result.excess(archive.values) > 0
    assert beyond.any(axis=0).all() and not beyond.any(axis=1).all()
    return result


def test_violations_are_shares_of_the_bounds() -> None:
    values = pd.DataFrame({"accuracy": [0.9, 0.4, 0.4], "macs": [110, 150, 100], "params": 1, "latency": 3.0})
    constraints = Constraints(min_accuracy=0.8, max_macs=100)
    np.testing.assert_allclose(constraints.excess(values), [[0.1, -0.125], [0.5, 0.5], [0.0, 0.5]])
    np.testing.assert_allclose(constraints.violations(values), [0.1, 1.0, 0.5])
    assert not constraints.feasible(values).any()
    assert constraints.on_costs().feasible(values).tolist() == [False, False, True]
    assert Constraints(max_latency=3.0, max_params=1).feasible(values).all()
    assert Constraints(max_latency=2.9).violations(values) == pytest.approx(0.1 / 2.9)


def test_no_constraints_violate_nothing(archive: Archive) -> None:
    assert not UNCONSTRAINED.active
    assert UNCONSTRAINED.violations(archive.values).tolist() == [0.0] * 30
    assert UNCONSTRAINED.feasible(archive.values).all()


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_are_positive(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}\n.*greater than 0"):
        Constraints(**{name: 0})


@pytest.mark.parametrize("objectives", [("accuracy",), OBJECTIVES, ("params", "accuracy", "macs")])
def test_who_keeps_the_constraints_comes_first(
    archive: Archive, half: Constraints, objectives: tuple[str, ...]
) -> None:
    order = archive.best_first(objectives, seed=0, constraints=half)
    feasible, violations = half.feasible(archive.values), half.violations(archive.values)
    assert sorted(order) == list(range(30))
    number = feasible.sum()
    assert feasible[order[:number]].all() and (np.diff(violations[order[number:]]) >= 0).all()
    kept = archive.feasible(half)
    np.testing.assert_array_equal(archive.codes[order[:number]], kept.top(number, objectives, seed=0).codes)
    free = archive.best_first(objectives, seed=0)
    np.testing.assert_array_equal(free, best_first(archive.costs(objectives), seed=0))


def test_substitution_drops_the_worst_violators(
    make_archive: Maker, archive: Archive, half: Constraints
) -> None:
    number = int((~half.feasible(archive.values)).sum())
    candidates = make_archive(number, seed=1, turn=1)
    result = archive.substitute(candidates, OBJECTIVES, seed=0, constraints=half)
    np.testing.assert_array_equal(result.codes[:-number], archive.feasible(half).codes)


def test_the_front_is_that_of_the_feasible(space: SearchSpace, archive: Archive, half: Constraints) -> None:
    frame = describe_archive(archive, space, OBJECTIVES, 3, half)
    kept = archive.feasible(half)
    expected = kept.take(non_dominated(kept.costs(OBJECTIVES)))
    np.testing.assert_array_equal(archive.codes[frame.non_dominated], expected.codes)
    np.testing.assert_array_equal(frame.feasible, half.feasible(archive.values))
    assert (frame.high_tradeoff <= frame.non_dominated).all() and frame.high_tradeoff.any()
    assert describe_archive(archive, space, OBJECTIVES, 3).feasible.all()


def test_where_nothing_is_feasible_the_closest_is_the_front(space: SearchSpace, archive: Archive) -> None:
    frame = describe_archive(archive, space, OBJECTIVES, 3, Constraints(min_accuracy=0.999))
    best = [archive.values.accuracy.max()]
    assert not frame.feasible.any()
    assert frame.accuracy[frame.non_dominated].tolist() == best
    assert frame.accuracy[frame.high_tradeoff].tolist() == best
