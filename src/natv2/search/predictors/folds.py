"""A split of rows into folds, each left out once."""

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def split_folds(rows: int, folds: int, seed: int) -> list[tuple[Rows, Rows]]:
    """For each of `folds` folds of so many shuffled `rows`, two at least: the rest, and the fold, ascending.

    Fewer folds where there are fewer rows.
    """
    from sklearn.model_selection import KFold  # loads a second of what no other step needs

    split = KFold(min(folds, rows), shuffle=True, random_state=seed)
    return list(split.split(np.empty(rows)))
