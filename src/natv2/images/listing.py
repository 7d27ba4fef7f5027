"""What a source of images holds, before anything is decoded."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, kw_only=True, eq=False)
class Listing:
    """Labelled samples: image files, or images that come as arrays (N, H, W, 3) of uint8.

    `names` tell one sample from another, in messages and reports; `parts` are the official ones
    ("train", "valid", "test", or "all" where nobody has split the set). Samples of one of the `groups`
    (None: each is its own) are so alike that they must stay on one side of a split. `remarks` are
    sentences for the person whose images these are. Raises ValueError where lengths differ.
    """

    samples: tuple[Path, ...] | NDArray[np.uint8]
    names: tuple[str, ...]
    labels: NDArray[np.int64]
    parts: NDArray[np.str_]
    class_names: tuple[str, ...]
    groups: NDArray[np.int64] | None = None
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check lengths and labels."""
        counts = {len(self.samples), len(self.names), len(self.labels), len(self.parts)}
        if len(counts) > 1 or (self.groups is not None and len(self.groups) != len(self.labels)):
            raise ValueError(f"columns of a listing differ in length: {sorted(counts)}")
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < len(self.class_names):
            raise ValueError(f"labels beyond the {len(self.class_names)} classes")

    def __len__(self) -> int:
        """How many samples there are."""
        return len(self.names)
