"""Fronts, trade-offs and hypervolume, against loops, pymoo and areas by hand."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from natv2.search.moo.decision_making import high_tradeoff, tradeoffs
from natv2.search.moo.indicators import Hypervolume
from natv2.search.moo.survival import non_dominated


def a_front(count: int, objectives: int, seed: int) -> np.ndarray:
    """Points of a non-dominated surface, in very different units."""
    points = np.abs(np.random.default_rng(seed).normal(size=(count, objectives)))
    points = 1 - points / np.linalg.norm(points, axis=1, keepdims=True)
    return points**1.7 * 10.0 ** np.arange(0, 3 * objectives, 3)


@settings(max_examples=60)
@given(
    st.integers(1, 3).flatmap(
        lambda m: arrays(float, st.tuples(st.integers(1, 20), st.just(m)), elements=st.integers(0, 6))
    )
)
def test_non_dominated_is_brute_force_dominance(costs: np.ndarray) -> None:
    expected = [
        i
        for i, here in enumerate(costs)
        if not any((there <= here).all() and (there < here).any() for there in costs)
    ]
    np.testing.assert_array_equal(non_dominated(costs), expected)
    backwards = non_dominated(costs[:, ::-1])
    np.testing.assert_array_equal(backwards, expected)


@pytest.mark.parametrize("count", [2, 3, 5, 25, 40])
@pytest.mark.parametrize("objectives", [2, 3])
def test_tradeoffs_equal_the_equations_in_loops(objectives: int, count: int) -> None:
    front = a_front(count, objectives, seed=objectives)
    scaled = (front - front.min(axis=0)) / (front.max(axis=0) - front.min(axis=0))
    least = min(2 * objectives, len(front) - 1)
    for i, value in enumerate(tradeoffs(front)):
        distance = [float(np.linalg.norm(scaled[j] - scaled[i])) for j in range(len(front))]
        near = [j for j in range(len(front)) if distance[j] <= 0.125]
        if len(near) < least or near == [i]:
            near = sorted(range(len(front)), key=distance.__getitem__)[: least + 1]
        ratios = []
        for j in near:
            if j == i:
                continue
            loss = sum(max(0.0, scaled[j][k] - scaled[i][k]) for k in range(objectives))
            gain = sum(max(0.0, scaled[i][k] - scaled[j][k]) for k in range(objectives))
            ratios.append(loss / gain)
        assert value == pytest.approx(min(ratios))


@pytest.mark.parametrize("objectives", [2, 3])
@pytest.mark.parametrize("seed", range(20))
def test_high_tradeoff_points_are_those_of_pymoo(objectives: int, seed: int) -> None:
    front = a_front(40, objectives, seed)
    scaled = (front - front.min(axis=0)) / np.ptp(front, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the import is deprecated by SciPy, and pymoo changes the filters
        from pymoo.mcdm.high_tradeoff import HighTradeoffPoints

        theirs = HighTradeoffPoints()(scaled)
    assert set(high_tradeoff(front, len(theirs))) == set(theirs)


def test_each_of_two_rows_has_the_other_for_a_neighbour() -> None:
    np.testing.assert_array_equal(tradeoffs(np.array([[0.1, 9.0], [0.3, 2.0]])), [1, 1])


def test_a_knee_has_the_highest_tradeoff_and_columns_may_swap() -> None:
    x = np.linspace(0, 1, 21)
    costs = np.stack([x, (1 - x) * 1e6], axis=1)
    costs[10] = (0.40, 0.40e6)
    dominated = np.array([[2.0, 2e6]])
    costs = np.concatenate([dominated, costs])
    assert high_tradeoff(costs, 4)[0] == 11
    assert len(high_tradeoff(costs, 4)) == 4
    np.testing.assert_array_equal(high_tradeoff(costs[:, ::-1], 4), high_tradeoff(costs, 4))


def test_high_tradeoff_of_small_fronts() -> None:
    assert high_tradeoff(np.array([[2.0], [1.0], [3.0]]), 4).tolist() == [1]
    assert high_tradeoff(np.array([[2.0, 1.0], [3.0, 3.0]]), 4).tolist() == [0]
    assert sorted(high_tradeoff(np.array([[2.0, 1.0], [3.0, 3.0], [1.0, 2.0]]), 4)) == [0, 2]
    twins = np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
    assert sorted(high_tradeoff(twins, 4)) == [0, 1, 2]


def test_hypervolume_by_hand() -> None:
    measure = Hypervolume(ideal=(0.0, 100.0), reference=(1.0, 200.0))
    # Two rectangles from the reference point, less what they share; the last point lies outside.
    costs = np.array([[0.5, 150.0], [0.25, 180.0], [0.6, 190.0], [1.5, 110.0]])
    assert measure.value(costs) == pytest.approx(0.5 * 0.5 + 0.75 * 0.2 - 0.5 * 0.2)
    assert measure.value(costs[3:]) == 0.0
    assert Hypervolume(ideal=(0.5,), reference=(1.0,)).value(np.array([[0.8], [0.6]])) == pytest.approx(0.8)


def test_hypervolume_is_fixed_by_the_first_archive() -> None:
    first = np.array([[0.2, 40.0], [0.4, 20.0], [0.6, 20.0]])
    measure = Hypervolume.from_archive(first)
    np.testing.assert_allclose(measure.ideal, (0.2, 20.0))
    np.testing.assert_allclose(measure.reference, (0.64, 42.0))
    assert measure == Hypervolume.from_dict(measure.to_dict())
    better = np.concatenate([first, [[0.1, 10.0]]])
    assert 0 < measure.value(first) < 1 < measure.value(better)
    swapped = Hypervolume.from_archive(first[:, ::-1])
    assert swapped.value(better[:, ::-1]) == pytest.approx(measure.value(better))


def test_hypervolume_where_an_objective_does_not_vary() -> None:
    costs = np.array([[0.2, 5.0], [0.4, 5.0]])
    assert Hypervolume.from_archive(costs).value(costs) == pytest.approx(1.0)
