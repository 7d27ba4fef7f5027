"""Subset selection, against loops and brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natv2.search.moo import subset_selection
from natv2.search.moo.subset_selection import select_subset, spread

both_ways = pytest.mark.parametrize("enumerated", [0, subset_selection.ENUMERATED])
"""By the genetic algorithm, and by trying all subsets."""


def naive_spread(choice: np.ndarray, candidates: np.ndarray, fixed: np.ndarray) -> float:
    """Standard deviation of the gaps of one subset."""
    points = sorted([*fixed, *candidates[choice]])
    gaps = [b - a for a, b in itertools.pairwise(points)]
    return float(np.std(gaps)) if gaps else 0.0


@settings(max_examples=80)
@given(st.integers(1, 12), st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_spread_equals_loops(candidates: int, fixed: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    points, others = generator.integers(0, 9, candidates) / 8, generator.integers(0, 9, fixed) / 8
    choices = generator.random((5, candidates)) < generator.random()
    expected = [naive_spread(choice, points, others) for choice in choices]
    np.testing.assert_allclose(spread(choices, points, others), expected, atol=1e-7)


@pytest.mark.parametrize("objectives", [("accuracy",), ("macs", "accuracy", "params")])
@pytest.mark.parametrize(("candidates", "count"), [(0, 3), (2, 3), (3, 3), (4, 3), (2, 1), (40, 8)])
def test_the_right_number_each_once(objectives: tuple[str, ...], candidates: int, count: int) -> None:
    generator = np.random.default_rng(candidates)
    costs, front = generator.random((candidates, len(objectives))), generator.random((5, len(objectives)))
    chosen = select_subset(costs, front, objectives, count=count, seed=0)
    assert len(chosen) == len(set(chosen)) == min(candidates, count)
    assert all(0 <= i < candidates for i in chosen)
    np.testing.assert_array_equal(chosen, select_subset(costs, front, objectives, count=count, seed=0))


def test_accuracy_alone_takes_the_best_predicted() -> None:
    costs = np.array([[0.5], [0.1], [0.4], [0.2]])
    assert select_subset(costs, costs[:1], ("accuracy",), count=2, seed=0).tolist() == [1, 3]


@both_ways
def test_it_finds_the_most_even_subset(enumerated: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subset_selection, "ENUMERATED", enumerated)
    generator = np.random.default_rng(3)
    macs, front = np.sort(generator.random(10)) * 1e8, np.array([[1e7, 0.4], [6e7, 0.3]])
    macs[0], macs[-1] = 0.0, 1e8
    candidates = np.stack([macs, generator.random(10)], axis=1)
    chosen = select_subset(candidates, front, ("macs", "accuracy"), count=4, seed=0)
    fixed = np.array([0.0, 0.1, 0.6, 1.0])
    subsets = np.array(list(itertools.product([False, True], repeat=10)))
    values = [naive_spread(s, macs / 1e8, fixed) if s.sum() <= 4 else np.inf for s in subsets]
    best = subsets[np.argmin(values)]
    topped_up = [i for i in np.argsort(candidates[:, 1]) if not best[i]][: 4 - best.sum()]
    assert set(chosen) == set(np.flatnonzero(best)) | set(topped_up)


@both_ways
def test_the_largest_gap_is_filled(enumerated: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subset_selection, "ENUMERATED", enumerated)
    # The front covers the cheap half; candidates crowd there too, and few lie in the gap.
    front = np.stack([np.linspace(0.5, 0.4, 11), np.linspace(0, 50, 11)], axis=1)
    candidates = np.stack([np.full(23, 0.3), [*np.linspace(1, 49, 20), 62, 75, 88]], axis=1)
    front = np.concatenate([front, [[0.2, 100.0]]])
    assert select_subset(candidates, front, ("accuracy", "macs"), count=3, seed=0).tolist() == [20, 21, 22]


@both_ways
def test_what_the_choice_leaves_free_goes_to_the_most_accurate(
    enumerated: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subset_selection, "ENUMERATED", enumerated)
    # Already even: any candidate makes it worse, so none is kept for its place.
    front = np.stack([np.zeros(11), np.linspace(0, 100, 11)], axis=1)
    candidates = np.stack([[0.5, 0.1, 0.4, 0.2, 0.3], [1, 22, 43, 64, 99]], axis=1)
    assert select_subset(candidates, front, ("accuracy", "macs"), count=2, seed=0).tolist() == [1, 3]
