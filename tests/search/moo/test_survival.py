"""The order of an archive, against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pymoo.algorithms.moo.nsga3 import ReferenceDirectionSurvival
from pymoo.core.population import Population
from pymoo.core.problem import Problem

from natv2.objectives.objectives import normalise
from natv2.search.moo.survival import best_first, reference_directions


def ranks(costs: np.ndarray) -> np.ndarray:
    """Non-domination ranks by peeling off fronts."""
    rank, left, number = np.full(len(costs), -1), set(range(len(costs))), 0
    while left:
        front = {
            i
            for i in left
            if not any((costs[j] <= costs[i]).all() and (costs[j] < costs[i]).any() for j in left)
        }
        rank[list(front)] = number
        left, number = left - front, number + 1
    return rank


@settings(max_examples=40)
@given(
    st.integers(1, 3).flatmap(
        lambda m: arrays(float, st.tuples(st.integers(1, 25), st.just(m)), elements=st.integers(0, 9))
    )
)
def test_every_row_once_and_no_rank_before_a_better_one(costs: np.ndarray) -> None:
    order = best_first(costs, seed=3)
    assert sorted(order) == list(range(len(costs)))
    assert (np.diff(ranks(costs)[order]) >= 0).all()
    np.testing.assert_array_equal(order, best_first(costs, seed=3))


def test_one_objective_is_its_order() -> None:
    np.testing.assert_array_equal(best_first(np.array([[3.0], [1.0], [2.0], [1.0]]), seed=0), [1, 3, 2, 0])


def test_two_objectives_follow_crowding_within_a_front() -> None:
    # The ends first; then crowding distances by hand, in ranges of 10 and 10: 1.1, 0.7, 1.3.
    front = np.array([[0, 10], [1, 5], [6, 4], [10, 0], [3, 4.5]], float)
    dominated = np.array([[11, 11]], float)
    order = best_first(np.concatenate([dominated, front]), seed=0)
    np.testing.assert_array_equal(order, [1, 4, 3, 2, 5, 0])


def test_order_of_two_objectives_does_not_matter() -> None:
    costs = np.random.default_rng(0).random((60, 2))
    np.testing.assert_array_equal(best_first(costs, seed=0), best_first(costs[:, ::-1], seed=0))


def test_three_objectives_fill_as_many_niches_as_nsga3_does() -> None:
    costs = np.random.default_rng(1).random((150, 3)) * [1.0, 1e6, 1e8]
    directions, scaled = reference_directions(3, 100), normalise(costs)
    problem = Problem(n_var=1, n_obj=3)
    pop = Population.new(X=np.arange(150)[:, None], F=scaled)
    survival = ReferenceDirectionSurvival(directions)
    survivors = survival.do(problem, pop, n_survive=40, random_state=np.random.default_rng(0))
    niche_of = dict(zip(pop.get("X")[:, 0], pop.get("niche"), strict=True))
    theirs = [niche_of[i] for i in survivors.get("X")[:, 0]]
    ours = best_first(costs, seed=5)[:40]
    assert None not in [niche_of[i] for i in ours]
    assert sorted(np.unique(theirs, return_counts=True)[1]) == sorted(
        np.unique([niche_of[i] for i in ours], return_counts=True)[1]
    )


def test_a_niche_begins_with_its_nearest() -> None:
    costs = np.abs(np.random.default_rng(3).normal(size=(300, 3)))
    costs = normalise(1 - costs / np.linalg.norm(costs, axis=1, keepdims=True))  # all non-dominated
    survival, pop = ReferenceDirectionSurvival(reference_directions(3, 100)), Population.new(F=costs)
    survival.do(Problem(n_var=1, n_obj=3), pop, n_survive=300)
    niche, distance = pop.get("niche"), pop.get("dist_to_niche")
    order = best_first(costs, seed=0)
    firsts = order[: len(np.unique(niche))]
    assert len(np.unique(niche[firsts])) == len(firsts)
    for i in firsts:
        assert distance[i] == distance[niche == niche[i]].min()


@pytest.mark.filterwarnings("error")
def test_three_objectives_do_not_depend_on_units() -> None:
    costs = np.random.default_rng(2).random((80, 3))
    expected = best_first(costs, seed=0)
    np.testing.assert_array_equal(best_first(costs * [1.0, 2.0**30, 2.0**-20], seed=0), expected)
