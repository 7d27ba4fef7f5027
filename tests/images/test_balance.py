"""What the largest class alone is worth, and an accuracy in which all classes count alike."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from natv2.images.balance import beside_accuracy, larger_class, recalls


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"a": 99, "b": 1}, ("a", 0.99)),
        ({"a": 1, "b": 9, "c": 0}, ("b", 0.9)),
        ({"a": 20, "b": 10}, None),
        ({"a": 5, "b": 0}, None),
        ({}, None),
    ],
)
def test_the_larger_class_is_told_where_it_is_much_larger(
    counts: dict[str, int], expected: tuple[str, float] | None
) -> None:
    assert larger_class(counts) == expected


def test_macro_accuracy_is_the_balanced_one_of_the_classes_that_are_there() -> None:
    generator = np.random.default_rng(0)
    labels = np.array([0] * 80 + [1] * 15 + [3] * 5)
    predicted = generator.integers(0, 4, 100)
    row = beside_accuracy(predicted == labels, labels, ("a", "b", "none", "d"))
    expected = np.mean([(predicted[labels == label] == label).mean() for label in (0, 1, 3)])
    assert row == {"test_macro": pytest.approx(expected), "largest_class": 0.8}
    both = predicted != 2  # scikit-learn wants no class that is only predicted
    own = beside_accuracy(predicted[both] == labels[both], labels[both], ("a", "b", "none", "d"))
    assert own["test_macro"] == pytest.approx(balanced_accuracy_score(labels[both], predicted[both]))
    assert np.isnan(recalls(predicted == labels, labels, 4)[2])


def test_a_network_that_always_says_the_larger_class_is_worth_nothing() -> None:
    labels = np.array([0] * 99 + [1])
    assert beside_accuracy(labels == 0, labels, ("a", "b")) == {"test_macro": 0.5, "largest_class": 0.99}


def test_equal_classes_need_no_more_than_top1() -> None:
    assert beside_accuracy(np.ones(4, dtype=bool), np.array([0, 0, 1, 1]), ("a", "b")) == {}
