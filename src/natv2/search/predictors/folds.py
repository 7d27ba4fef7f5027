"""A split of rows into folds, each left out once."""

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def split_folds(rows: int, folds: int, seed: int) -> list[tuple[Rows, Rows]]:
    """For each of `folds` folds of so many shuffled `rows`: the rest, and the fold, both ascending.

    As scikit-learn's KFold and LightGBM's own split, which would load a second of what no other step needs.
    """
    order = np.random.RandomState(seed).permutation(rows)
    parts = [np.sort(part) for part in np.array_split(order, min(folds, rows))]
    return [(np.setdiff1d(np.arange(rows), part), part) for part in parts]
