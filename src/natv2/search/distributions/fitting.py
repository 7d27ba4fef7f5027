"""Distributions of the best architectures' variables, from which adaptation draws (section 3.3.4, step 7)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from natv2.search.config import DistributionFit
from natv2.spaces.exit_codes import DEEPEST
from natv2.spaces.space import Codes, SearchSpace


@dataclass(frozen=True, kw_only=True, eq=False)
class Distributions:
    """An independent categorical distribution for each variable of a space, in the order of the variables.

    `probabilities` (V, W) has one row a variable; column i is for the variable's lower bound plus i,
    zero beyond its upper bound. Raises ValueError where that does not fit the space.
    """

    space: SearchSpace
    probabilities: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Refuse rows that are no distributions over their variable's values."""
        allowed = _allowed(self.space)
        given = self.probabilities
        if given.shape != allowed.shape or (given < 0).any() or (given[~allowed] != 0).any():
            raise ValueError(f"probabilities {given.shape} do not fit the bounds of {self.space.design.name}")
        if not np.allclose(given.sum(axis=1), 1.0):
            raise ValueError("the probabilities of a variable do not add up to 1")

    def sample(self, count: int, generator: np.random.Generator) -> Codes:
        """Canonical codes (count, V), each variable drawn from its own distribution."""
        steps = self.probabilities.cumsum(axis=1)
        draws = generator.random((count, self.space.variables))
        values = self.space.lower + (draws[:, :, None] >= steps).sum(axis=2)
        # A row may add up to a little less than 1.
        return self.space.canonical(np.minimum(values, self.space.upper))


def fit_categorical(space: SearchSpace, codes: Codes, *, pseudo_count: float = 1.0) -> Distributions:
    """Smoothed frequencies of each variable's values in the canonical `codes` (N, V).

    Values count a little more often than they were seen, so none dies out: `pseudo_count` shared out equally
    among those of a variable. With as much for each value, the 64 of a parallel level outweighed a top of 30.
    What a network does not depend on is not counted, as stages beyond its exit: their 1 1 0 0 only fills the
    code, and would draw every deeper network small.
    """
    space.check(codes)
    allowed = _allowed(space)
    seen = np.arange(allowed.shape[1]) == (codes - space.lower)[:, :, None]
    share = pseudo_count / allowed.sum(axis=1, keepdims=True)
    counts = (seen & _used(space, codes)[:, :, None]).sum(axis=0) + share * allowed
    return Distributions(space=space, probabilities=counts / counts.sum(axis=1, keepdims=True))


def fit_families(space: SearchSpace, codes: Codes) -> Distributions:
    """For each variable the best-fitting of several families of distributions (`families.best_fit`).

    Stages beyond a network's exit are not counted here either; a variable that no network uses stays uniform.
    """
    from natv2.search.distributions.families import best_fits  # loads scipy, which only a search needs

    space.check(codes)
    used, allowed = _used(space, codes), _allowed(space)
    columns = [codes[used[:, v], v] for v in range(space.variables)]
    known = [v for v, column in enumerate(columns) if len(column)]
    probabilities = allowed / allowed.sum(axis=1, keepdims=True)
    fits = best_fits([columns[v] for v in known], space.lower[known].tolist(), space.upper[known].tolist())
    for variable, fit in zip(known, fits, strict=True):
        probabilities[variable, : len(fit)] = fit
    return Distributions(space=space, probabilities=probabilities)


FITS: Mapping[DistributionFit, Callable[[SearchSpace, Codes], Distributions]] = MappingProxyType(
    {"categorical": fit_categorical, "scipy": fit_families}
)


def _allowed(space: SearchSpace) -> NDArray[np.bool_]:
    """Which entries of (V, W) stand for a value within a variable's bounds."""
    values = space.upper - space.lower + 1
    return np.arange(values.max()) < values[:, None]


def _used(space: SearchSpace, codes: Codes) -> NDArray[np.bool_]:
    """For each row and variable of `codes`, whether the network depends on it."""
    if not space.design.early_exits:
        return np.ones(codes.shape, np.bool_)
    stage = (np.arange(space.variables) - space.first_level) // space.design.levels_per_stage
    used: NDArray[np.bool_] = stage <= codes[:, DEEPEST, None]
    if space.ways is not None:
        others = slice(DEEPEST + 1, DEEPEST + len(space.design.exits))
        used[:, others] = np.arange(len(space.design.exits) - 1) < codes[:, DEEPEST, None]
        used[:, others.stop : space.first_level] = codes[:, others].max(axis=1)[:, None] > 0
    return used
