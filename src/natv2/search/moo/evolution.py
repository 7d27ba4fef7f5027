"""The candidate finding problem: evolution guided by a predictor (thesis, section 3.3.4, step 3)."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.algorithms.moo.nsga3 import NSGA3
from pymoo.algorithms.soo.nonconvex.ga import GA
from pymoo.core.algorithm import Algorithm
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.repair import Repair
from pymoo.operators.crossover.ux import UniformCrossover
from pymoo.operators.mutation.pm import PolynomialMutation
from pymoo.operators.selection.tournament import TournamentSelection
from pymoo.optimize import minimize

from natv2.objectives.constraints import UNCONSTRAINED, Constraints
from natv2.objectives.costs import CostsOf
from natv2.objectives.objectives import ACCURACY, Costs, cost_matrix, normalise
from natv2.randomness import derived_seed, numpy_generator
from natv2.search.archive import Archive, is_among
from natv2.search.moo.survival import best_first, reference_directions
from natv2.spaces.exit_codes import DEEPEST
from natv2.spaces.space import Codes, SearchSpace

PredictError = Callable[[Codes], NDArray[np.float64]]
"""Predicted top-1 errors (N,) of canonical codes (N, V)."""

CROSSOVER_PROBABILITY = 0.9
# Wide steps: of the few integers a variable has, a narrow one rarely reaches the next.
MUTATION_ETA = 3.0
# Each integer owns an interval of nearly length 1, so the ends of a range mutate as easily as its middle.
_HALF = 0.4999


class _CandidateFinding(Problem):  # type: ignore[misc]
    """Codes as rounded real vectors; a whole population is evaluated in one call, and remembered."""

    def __init__(
        self,
        space: SearchSpace,
        objectives: tuple[str, ...],
        constraints: Constraints,
        evaluate: Callable[[Codes], tuple[Costs, NDArray[np.float64]]],
        scale: Costs,
    ) -> None:
        super().__init__(
            n_var=space.variables,
            n_obj=len(objectives),
            n_ieq_constr=len(constraints.active),
            xl=space.lower - _HALF,
            xu=space.upper + _HALF,
        )
        self.evaluate_codes, self.scale = evaluate, scale
        self.evaluated: list[tuple[Codes, Costs, NDArray[np.float64]]] = []

    def _evaluate(self, x: Codes, out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        costs, excess = self.evaluate_codes(x)
        self.evaluated.append((x, costs, excess))
        # NSGA-III has absolute tolerances: MACs and errors must be brought to one scale.
        out["F"] = normalise(costs, self.scale)
        if self.has_constraints():
            out["G"] = excess


class _Canonical(Repair):  # type: ignore[misc]
    """Offspring in canonical form, with the island's exit: evaluated and compared."""

    def __init__(self, space: SearchSpace, exit: int | None) -> None:
        super().__init__()
        self.space, self.exit = space, exit

    def _do(self, problem: Problem, x: NDArray[np.float64], **kwargs: Any) -> Codes:
        codes = np.rint(x).astype(np.int64)
        if self.exit is not None:
            codes[:, DEEPEST] = self.exit
        return self.space.canonical(codes)


def evolve(
    *,
    space: SearchSpace,
    predict_error: PredictError,
    costs_of: CostsOf,
    objectives: tuple[str, ...],
    archive: Archive,
    known: Archive | None = None,
    islands: bool = False,
    population: int = 100,
    generations: int = 20,
    seed: int,
    constraints: Constraints = UNCONSTRAINED,
) -> tuple[Codes, Costs]:
    """New candidates for `archive`, best first: canonical codes (C, V) and predicted costs (C, M).

    A genetic algorithm for one objective, NSGA-II for two, NSGA-III for more, over `population` x
    `generations` evaluations. It starts from the archive's best and, as many, random architectures: from
    the best alone it finds what the predictor overrates next to them (benchmarks/known_front.py).
    Of all that was evaluated and whose path is not `known` (by default: not in the archive) it returns the
    best `population`, one a path: those that an elitist algorithm has kept, and others in place of the
    archive's own members.

    With `islands` each exit has an evolution of its own, as large, which starts from the best `known` with
    that exit. A deeper exit pays only when its new stages are good: among others it dies out before.

    All keep `constraints`, the one on accuracy as it is predicted; where too few do, those are all it
    returns. Only where none is predicted to be accurate enough, it returns those that come closest:
    predictions are no proof, and adaptation goes on.
    """

    def evaluate(codes: Codes) -> tuple[Costs, NDArray[np.float64]]:
        errors, others = predict_error(codes), costs_of(codes)
        values = others.assign(**{ACCURACY: 1 - errors})
        return cost_matrix(errors, others, objectives), constraints.excess(values)

    known = archive if known is None else known
    problem = _CandidateFinding(space, objectives, constraints, evaluate, archive.costs(objectives))
    for exit, own in _islands(space, known) if islands else [(None, archive)]:
        here = seed if exit is None else derived_seed(seed, "island", exit)
        start = _start(space, own, objectives, population, here, constraints, exit)
        algorithm = _algorithm(len(objectives), population, start, _Canonical(space, exit))
        with warnings.catch_warnings():  # pymoo changes the process's filters
            minimize(problem, algorithm, ("n_gen", generations), seed=derived_seed(here, "evolution"))
    codes, costs, excess = map(np.concatenate, zip(*problem.evaluated, strict=True))
    violations = np.maximum(excess, 0).sum(axis=1)
    first = np.sort(np.unique(codes, axis=0, return_index=True)[1])
    # All ways to use the exits of a path are known when it has been evaluated once.
    new = first[~is_among(space.paths(codes[first]), space.paths(known.codes))]
    new = new[constraints.on_costs().feasible(costs_of(codes[new]))]
    if (feasible := violations[new] == 0).any():
        new = new[feasible]
    order = best_first(costs[new], seed=derived_seed(seed, "candidates"), violations=violations[new])
    ranked = new[order]
    best = ranked[np.sort(np.unique(space.paths(codes[ranked]), axis=0, return_index=True)[1])][:population]
    return codes[best], costs[best]


def _islands(space: SearchSpace, known: Archive) -> list[tuple[int | None, Archive]]:
    """Each exit, as codes have it, with what is known of it; one island of all where there are no others."""
    if not space.design.early_exits:
        return [(None, known)]
    exits = range(len(space.design.exits))
    return [(exit, known.take(np.flatnonzero(known.codes[:, DEEPEST] == exit))) for exit in exits]


def _start(
    space: SearchSpace,
    archive: Archive,
    objectives: tuple[str, ...],
    population: int,
    seed: int,
    constraints: Constraints,
    exit: int | None,
) -> Codes:
    """The initial population: (population, V), at most half of it from the archive; of `exit`, if any."""
    best = archive.top(population // 2, objectives, seed=derived_seed(seed, "start"), constraints=constraints)
    known = best.codes
    random = space.sample_architectures(population - len(known), numpy_generator(seed, "top up"))
    if exit is not None:
        random[:, DEEPEST] = exit
        random = space.canonical(random)
    return np.concatenate([known, random])


def _algorithm(objectives: int, population: int, start: Codes, repair: Repair) -> Algorithm:
    shared = {
        "pop_size": population,
        "sampling": start,
        "crossover": UniformCrossover(prob=CROSSOVER_PROBABILITY),
        "mutation": PolynomialMutation(eta=MUTATION_ETA),
        "repair": repair,
    }
    if objectives == 1:
        return GA(**shared)
    if objectives == 2:
        return NSGA2(**shared)
    return NSGA3(
        reference_directions(objectives, population),
        selection=TournamentSelection(func_comp=_less_violation),
        **shared,
    )


def _less_violation(
    population: Population,
    pairs: NDArray[np.int64],
    *,
    random_state: np.random.Generator,
    **others: Any,
) -> NDArray[np.int64]:
    """Of each of `pairs` (T, 2) the one that violates the constraints less, of equal ones one by lot: (T, 1).

    As in pymoo's NSGA-III, whose lots among equal violations do not come from the seed (0.6.2).
    """
    violations = population.get("CV")[:, 0][pairs]
    drawn = random_state.integers(2, size=len(pairs))
    equal = violations[:, 0] == violations[:, 1]
    return pairs[np.arange(len(pairs)), np.where(equal, drawn, violations.argmin(axis=1))][:, None]
