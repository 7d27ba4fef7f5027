"""scikit-learn's handwritten digits."""

from pathlib import Path

import numpy as np

from natv2.images.datasets import DataSet
from natv2.images.listing import Listing


def read_digits(spec: DataSet, folder: Path) -> Listing:
    """The 1,797 digits, 8x8, grey, 17 levels: they are inside scikit-learn, and `folder` is not read."""
    from sklearn.datasets import load_digits  # takes seconds

    source = load_digits()
    grey = np.rint(source.images * (255 / 16)).astype(np.uint8)
    return Listing(
        samples=np.repeat(grey[..., None], 3, axis=3),
        names=tuple(f"{number:04}" for number in range(len(grey))),
        labels=source.target.astype(np.int64),
        parts=np.full(len(grey), "all"),
        class_names=tuple(str(name) for name in source.target_names),
    )
