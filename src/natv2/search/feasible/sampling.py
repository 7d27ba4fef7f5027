"""Samples of networks that keep constraints on their costs, in bounded time."""

import logging
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from natv2.objectives.constraints import Constraints
from natv2.objectives.costs import CostsOf
from natv2.search.adaptation.training import Sampler
from natv2.spaces.space import Codes, SearchSpace

logger = logging.getLogger(__name__)

ROUNDS = 8


def sample_feasible(
    space: SearchSpace,
    sampler: Sampler,
    costs_of: CostsOf,
    constraints: Constraints,
    count: int,
    generator: np.random.Generator,
    *,
    anchor: Codes,
) -> Codes:
    """At most `count` different canonical codes (N, V) that keep the constraints on costs.

    Those that `sampler` draws in 8 rounds of 2 `count`. If they are too few, as many rounds more, in which
    `anchor` (V,), a network that keeps the constraints (`check_constraints` gives one), takes the values
    of what is drawn, variable by variable in random order, wherever it still keeps them. Where that
    gives too few as well, the log says so.
    """
    constraints = constraints.on_costs()

    def feasible(codes: Codes) -> NDArray[np.bool_]:
        return constraints.feasible(costs_of(codes))

    found = np.zeros((0, space.variables), np.int64)
    for number in range(2 * ROUNDS):
        # Twice as many as wanted, because samples may repeat each other.
        drawn = sampler(2 * count, generator)
        if number >= ROUNDS:
            drawn = _grafted(drawn, anchor, space, feasible, generator)
        found = np.concatenate([found, drawn[feasible(drawn)]])
        found = found[np.sort(np.unique(found, axis=0, return_index=True)[1])]
        if len(found) >= count:
            return found[:count]
    logger.warning("%d networks were to be sampled that keep %s; found: %d", count, constraints, len(found))
    return found


def _grafted(
    drawn: Codes,
    anchor: Codes,
    space: SearchSpace,
    feasible: Callable[[Codes], NDArray[np.bool_]],
    generator: np.random.Generator,
) -> Codes:
    """`anchor` (V,) with the values of each code of `drawn` (N, V) as far as it stays feasible."""
    codes, rows = np.tile(anchor, (len(drawn), 1)), np.arange(len(drawn))
    order = generator.permuted(np.tile(np.arange(space.variables), (len(drawn), 1)), axis=1)
    for variables in order.T:
        changed = codes.copy()
        changed[rows, variables] = drawn[rows, variables]
        kept = feasible(space.canonical(changed))
        codes[kept] = changed[kept]
    return space.canonical(codes)
