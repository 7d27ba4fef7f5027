"""Classes of unequal size: what the largest one alone is worth, and an accuracy in which all count alike.

An accuracy is the mean of shares, each of which is right in a part of the images. By top-1 all images are
one part, by macro accuracy each class is one (`parts`); all else follows from this.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from natv2.objectives.metric import Metric

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


def parts(labels: NDArray[np.int64], metric: Metric) -> NDArray[np.int64]:
    """The number of the part of the images that each one is in, given its label: (N,)."""
    return labels if metric == "macro" else np.zeros_like(labels)


def accuracy(
    right: NDArray[np.bool_], labels: NDArray[np.int64], metric: Metric = "top1"
) -> NDArray[np.float64]:
    """Accuracy (...), fractions, by `metric`, of those who are `right` (..., N) about images with `labels`.

    Parts without images do not count.
    """
    own = parts(labels, metric)
    return _shares_of(right, _counts_one_over(np.bincount(own))[own])


def shares(labels: NDArray[np.int64], metric: Metric) -> NDArray[np.float64]:
    """What each image with `labels` (N,) counts by `metric`, 1 in sum: parts count alike."""
    own = parts(labels, metric)
    return np.asarray(1 / _counts_one_over(np.bincount(own))[own])


def accuracy_of_counts(
    right: NDArray[np.int64], images: NDArray[np.int64], metric: Metric = "top1"
) -> NDArray[np.float64]:
    """The same, to the bit, of counts: of the `images` (C,) of each class so many (..., C) are `right`."""
    own = parts(np.arange(len(images)), metric)
    return _shares_of(right, _counts_one_over(np.bincount(own, weights=images).astype(np.int64))[own])


def _counts_one_over(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """For parts of such `sizes`: what an image of each counts is one over this; 0 where there is none."""
    return sizes * np.count_nonzero(sizes)


def _shares_of(right: NDArray[np.generic], one_over: NDArray[np.int64]) -> NDArray[np.float64]:
    # What counts alike is added as whole numbers: equal accuracies are equal to the bit, whichever images
    # they are of, and with classes of one size macro accuracy is top-1.
    different = np.unique(one_over[one_over > 0])
    total = np.zeros(right.shape[:-1])
    for each in different:
        total += right[..., one_over == each].sum(axis=-1) / each
    return total


def beside_accuracy(
    correct: NDArray[np.bool_],
    labels: NDArray[np.int64],
    class_names: Sequence[str],
    metric: Metric = "top1",
) -> dict[str, float]:
    """What a row of a table says beside accuracy where classes of the test images are unequal; else nothing.

    That is the other one: `test_macro`, the mean of the classes' recalls without those that have no test
    images, or `test_top1`. `largest_class` is the share of the largest, the top-1 of a network that always
    says so.
    """
    counts = np.bincount(labels, minlength=len(class_names))
    larger = larger_class(dict(zip(class_names, counts.tolist(), strict=True)))
    if larger is None:
        return {}
    if metric == "macro":
        return {"test_top1": float(accuracy(correct, labels)), "largest_class": larger[1]}
    macro = float(np.nanmean(recalls(correct, labels, len(class_names))))
    return {"test_macro": macro, "largest_class": larger[1]}
