"""Survival: the one order of architectures from best to worst (top N, substitution, pre-processing)."""

import warnings
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pymoo.algorithms.moo.nsga3 import HyperplaneNormalization, associate_to_niches, niching
from pymoo.operators.survival.rank_and_crowding.metrics import get_crowding_function
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting, find_non_dominated
from pymoo.util.ref_dirs import get_reference_directions

from natv2.objectives.objectives import Costs, normalise

Indices = NDArray[np.int64]

_NICHES = 100


@lru_cache(maxsize=8)
def reference_directions(objectives: int, count: int) -> NDArray[np.float64]:
    """NSGA-III's directions (count, objectives), spread evenly by their Riesz energy."""
    # Cached because their optimisation takes seconds; the seed is part of what they are.
    directions: NDArray[np.float64] = get_reference_directions("energy", objectives, count, seed=1)
    return directions


def non_dominated(costs: Costs) -> Indices:
    """Indices, ascending, of the rows of `costs` (N, M) that no other row dominates; equal rows stay."""
    indices: Indices = find_non_dominated(costs)
    return indices


def best_first(costs: Costs, *, seed: int, violations: NDArray[np.float64] | None = None) -> Indices:
    """Indices (N,) of the rows of `costs` (N, M), best first.

    One objective: its order. Two: non-domination rank, then crowding distance, larger first
    (NSGA-II). Three or more: non-domination rank, then the order in which NSGA-III's niching
    selects. `seed` decides only what niching draws by lot; other ties keep the order of the rows.
    Rows with `violations` (N,) above 0 come after all others, the least violation first.
    """
    if violations is not None and violations.any():
        kept = np.flatnonzero(violations == 0)
        by_violation = np.argsort(violations, kind="stable")
        return np.concatenate([kept[best_first(costs[kept], seed=seed)], by_violation[len(kept) :]])
    if len(costs) == 0 or costs.shape[1] == 1:
        return np.argsort(costs[:, 0], kind="stable")
    fronts = NonDominatedSorting().do(costs)
    return _by_crowding(costs, fronts) if costs.shape[1] == 2 else _by_niching(costs, fronts, seed)


def _by_crowding(costs: Costs, fronts: list[Indices]) -> Indices:
    crowding = get_crowding_function("cd")
    ordered = [front[np.argsort(-crowding.do(costs[front]), kind="stable")] for front in fronts]
    return np.concatenate(ordered)


def _by_niching(costs: Costs, fronts: list[Indices], seed: int) -> Indices:
    # NSGA-III has absolute tolerances: MACs and errors must first be brought to one scale.
    costs, directions = normalise(costs), reference_directions(costs.shape[1], _NICHES)
    hyperplane = HyperplaneNormalization(costs.shape[1])
    with warnings.catch_warnings():  # pymoo changes the process's filters here
        hyperplane.update(costs, nds=fronts[0])
    niches, distances, _ = associate_to_niches(
        costs, directions, hyperplane.ideal_point, hyperplane.nadir_point
    )
    generator, taken, ordered = np.random.default_rng(seed), np.zeros(len(directions), np.int64), []
    for front in fronts:
        # `niching` counts what it takes in `taken`, which the next front goes on with.
        chosen = niching(front, len(front), taken, niches[front], distances[front], random_state=generator)
        ordered.append(front[chosen])
    return np.concatenate(ordered)
