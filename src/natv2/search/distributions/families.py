"""The best-fitting of several families of distributions for each variable (section 3.3.4, step 7)."""

import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FAMILIES: tuple[stats.rv_continuous, ...] = (
    stats.norm,
    stats.logistic,
    stats.laplace,
    stats.gumbel_l,
    stats.gumbel_r,
    stats.uniform,
    stats.expon,
    stats.weibull_min,
    stats.powerlaw,
    stats.beta,
)
"""What is tried; of equally good ones the first is taken."""

_BOUNDED = {stats.powerlaw, stats.beta}  # their ends are the variable's, not free parameters


def best_fit(values: NDArray[np.int64], lower: int, upper: int) -> NDArray[np.float64]:
    """Probabilities of the integers `lower` to `upper` under the best of FAMILIES for `values` (N,).

    Each family is fitted by maximum likelihood to the values, equal ones spread over an interval of length 1
    around them, which is also what an integer's probability is taken from. The best has the least Akaike
    criterion: 2 · parameters - 2 · log-likelihood of the integers.
    Values that are all the same leave nothing to fit: theirs has probability 1.
    """
    grid = np.arange(lower, upper + 1)
    if np.ptp(values) == 0:
        single: NDArray[np.float64] = np.equal(grid, values[0]).astype(np.float64)
        return single
    spread = _spread(values)
    best, least = np.full(len(grid), 1 / len(grid)), np.inf
    for family in FAMILIES:
        probabilities, parameters = _fitted(family, spread, grid)
        with np.errstate(divide="ignore"):
            criterion = 2 * parameters - 2 * np.log(probabilities[values - lower]).sum()
        if criterion < least:  # also false where a family does not fit at all: nan
            best, least = probabilities, criterion
    return best


def best_fits(
    columns: Sequence[NDArray[np.int64]], lower: Sequence[int], upper: Sequence[int]
) -> list[NDArray[np.float64]]:
    """`best_fit` of each variable, in their order however long each takes."""
    with warnings.catch_warnings(), ThreadPoolExecutor() as pool:
        warnings.simplefilter("ignore")  # of families that fit badly: the criterion says so
        return list(pool.map(best_fit, columns, lower, upper))


def _spread(values: NDArray[np.int64]) -> NDArray[np.float64]:
    """`values`, ascending, equal ones evenly over the interval around them: continuous families' kind."""
    distinct, counts = np.unique(values, return_counts=True)
    parts = [v - 0.5 + (np.arange(n) + 0.5) / n for v, n in zip(distinct, counts, strict=True)]
    return np.concatenate(parts)


def _fitted(
    family: stats.rv_continuous, values: NDArray[np.float64], grid: NDArray[np.int64]
) -> tuple[NDArray[np.float64], int]:
    """Probabilities on `grid`, nan where the family cannot be fitted, and the number of its parameters."""
    ends = {"floc": grid[0] - 0.5, "fscale": float(len(grid))} if family in _BOUNDED else {}
    with np.errstate(all="ignore"):
        try:
            fitted = family(*family.fit(values, **ends))
            masses = np.diff(fitted.cdf(np.append(grid, grid[-1] + 1) - 0.5))
        except (ValueError, FloatingPointError, stats.FitError):
            masses = np.full(len(grid), np.nan)
        return masses / masses.sum(), family.numargs + 2 - len(ends)
