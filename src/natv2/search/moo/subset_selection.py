"""The subset selection problem: which candidates are worth a true evaluation (section 3.3.4, step 3)."""

from itertools import combinations
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymoo.algorithms.soo.nonconvex.ga import GA
from pymoo.core.problem import Problem
from pymoo.core.repair import Repair
from pymoo.operators.crossover.ux import UniformCrossover
from pymoo.operators.mutation.bitflip import BitflipMutation
from pymoo.operators.sampling.rnd import BinaryRandomSampling
from pymoo.optimize import minimize

from natv2.objectives.objectives import ACCURACY, Costs, normalise
from natv2.search.moo.survival import Indices

Subsets = NDArray[np.bool_]
"""One subset a row, one candidate a column: whether it is kept."""

POPULATION = 100
GENERATIONS = 60
ENUMERATED = POPULATION * GENERATIONS
"""So many subsets are all evaluated: the algorithm would take as many, and search long for new ones."""


def spread(
    choices: Subsets, candidates: NDArray[np.float64], fixed: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How unevenly each subset, together with the `fixed` points, lies along one axis: (S,).

    The standard deviation of the gaps between neighbours, for subsets (S, C) of `candidates` (C,) on
    the same axis as `fixed` (F,). Fewer than two points have no gaps: 0.
    """
    values = np.concatenate([fixed, candidates])
    order = np.argsort(values, kind="stable")
    values = values[order]
    present = np.concatenate([np.ones((len(choices), len(fixed)), np.bool_), choices], axis=1)[:, order]
    # A point that is not there takes the place of the one before it: its gap is zero and is not counted.
    first = values[present.argmax(axis=1)]
    places = np.maximum(np.maximum.accumulate(np.where(present, values, -np.inf), axis=1), first[:, None])
    gaps = np.diff(places, axis=1)
    number = np.maximum(present.sum(axis=1) - 1, 1)
    variance = (gaps**2).sum(axis=1) / number - (gaps.sum(axis=1) / number) ** 2
    deviation: NDArray[np.float64] = np.sqrt(np.maximum(variance, 0.0))
    return deviation


class _SubsetSelection(Problem):  # type: ignore[misc]
    """Keep or drop each candidate, for the least mean spread over the objectives other than accuracy."""

    def __init__(self, candidates: Costs, front: Costs) -> None:
        super().__init__(n_var=len(candidates), n_obj=1, xl=0, xu=1, vtype=bool)
        both = np.concatenate([candidates, front])
        # The ends of the range are fixed points too: else it would be even never to reach them.
        fixed = np.concatenate([normalise(front, both), np.zeros_like(front[:1]), np.ones_like(front[:1])])
        self.axes = list(zip(normalise(candidates, both).T, fixed.T, strict=True))

    def _evaluate(self, x: Subsets, out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        out["F"] = np.mean([spread(x.astype(np.bool_), here, fixed) for here, fixed in self.axes], axis=0)


class _AtMost(Repair):  # type: ignore[misc]
    """Drops random candidates of subsets that have more than `count`."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def _do(
        self, problem: Problem, x: Subsets, *, random_state: np.random.Generator, **kwargs: Any
    ) -> Subsets:
        lots = np.where(x, random_state.random(x.shape), 1.0)
        places = lots.argsort(axis=1).argsort(axis=1)
        return x.astype(np.bool_) & (places < self.count)


def select_subset(
    candidates: Costs, front: Costs, objectives: tuple[str, ...], *, count: int, seed: int
) -> Indices:
    """Indices, ascending, of the `count` rows of `candidates` (C, M) to be truly evaluated.

    A binary genetic algorithm keeps at most `count` of them, so that together with the archive's
    `front` (F, M) they lie evenly along each objective but accuracy; of few subsets the best is found
    without it. If it keeps fewer, those with the best predicted accuracy are added; with accuracy as the
    only objective, they are all there is. All candidates, where there are no more than `count`.
    """
    if len(candidates) <= count:
        return np.arange(len(candidates))
    kept = np.zeros(len(candidates), np.bool_)
    others = [column for column, name in enumerate(objectives) if name != ACCURACY]
    if others:
        kept |= _most_even(candidates[:, others], front[:, others], count, seed)
    by_error = np.argsort(candidates[:, objectives.index(ACCURACY)], kind="stable")
    kept[by_error[~kept[by_error]][: count - kept.sum()]] = True
    return np.flatnonzero(kept)


def _most_even(candidates: Costs, front: Costs, count: int, seed: int) -> Subsets:
    problem = _SubsetSelection(candidates, front)
    if sum(comb(len(candidates), size) for size in range(count + 1)) <= ENUMERATED:
        choices = _subsets(len(candidates), count)
        first: Subsets = choices[problem.evaluate(choices)[:, 0].argmin()]
        return first
    algorithm = GA(
        pop_size=POPULATION,
        sampling=BinaryRandomSampling(),
        crossover=UniformCrossover(),
        mutation=BitflipMutation(),
        repair=_AtMost(count),
    )
    result = minimize(problem, algorithm, ("n_gen", GENERATIONS), seed=seed)
    best: Subsets = result.X.astype(np.bool_)
    return best


def _subsets(candidates: int, count: int) -> Subsets:
    """Every subset of at most `count` of so many `candidates`, the smallest first."""
    kept = [subset for size in range(count + 1) for subset in combinations(range(candidates), size)]
    choices = np.zeros((len(kept), candidates), np.bool_)
    for row, subset in zip(choices, kept, strict=True):
        row[list(subset)] = True
    return choices
