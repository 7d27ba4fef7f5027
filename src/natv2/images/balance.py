"""Classes of unequal size: what the largest one alone is worth, and an accuracy in which all count alike."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

UNEQUAL = 2
"""Times that the largest class has the images of the smallest, above which classes are unequal."""


def larger_class(counts: Mapping[str, int]) -> tuple[str, float] | None:
    """The class with the most images and its share of all; None where classes are about equal.

    Classes without images do not count: there is nothing to test them on.
    """
    present = {name: count for name, count in counts.items() if count}
    if not present or max(present.values()) <= UNEQUAL * min(present.values()):
        return None
    name = max(present, key=lambda each: present[each])
    return name, present[name] / sum(present.values())


def recalls(correct: NDArray[np.bool_], labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """The share of each class's images that are `correct` (N,); NaN where there are none of it."""
    counts = np.bincount(labels, minlength=classes)
    right = np.bincount(labels, weights=correct, minlength=classes)
    return np.where(counts > 0, right / np.maximum(counts, 1), np.nan)


def beside_top1(
    correct: NDArray[np.bool_], labels: NDArray[np.int64], class_names: Sequence[str]
) -> dict[str, float]:
    """What a row of a table says beside top-1 where the classes of the test images are unequal; else nothing.

    `test_macro` is the mean of the classes' recalls, without those that have no test images, and
    `largest_class` the share of the largest, which a network has that always says so.
    """
    counts = np.bincount(labels, minlength=len(class_names))
    larger = larger_class(dict(zip(class_names, counts.tolist(), strict=True)))
    if larger is None:
        return {}
    macro = float(np.nanmean(recalls(correct, labels, len(class_names))))
    return {"test_macro": macro, "largest_class": larger[1]}
