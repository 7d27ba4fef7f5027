"""Classes of unequal size: what the largest one alone is worth, and an accuracy in which all count alike."""

from collections.abc import Mapping

import pandas as pd

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


def macro_accuracy(by_class: pd.Series) -> float:
    """The mean of the classes' recalls; a class without test images, whose recall is missing, is left out."""
    return float(by_class.mean())
