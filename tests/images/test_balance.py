"""What the largest class alone is worth, and an accuracy in which all classes count alike."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from natv2.images.balance import accuracy, accuracy_of_counts, beside_accuracy, larger_class, recalls, shares
from natv2.objectives.metric import METRICS


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


# ── accuracy by a metric ──────────────────────────────────────────────────────────────────────────


def of_classes(right: np.ndarray, labels: np.ndarray) -> float:
    """The mean of the classes' shares, image by image and in exact numbers."""
    hits, counts = Counter(labels[right].tolist()), Counter(labels.tolist())
    return float(sum(Fraction(hits[label], count) for label, count in counts.items()) / len(counts))


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=60))
def test_an_accuracy_is_the_mean_over_images_or_over_the_classes_that_are_there(images) -> None:
    labels, right = (np.array(column) for column in zip(*images, strict=True))
    assert accuracy(right, labels, "macro") == pytest.approx(of_classes(right, labels), abs=1e-12)
    assert float(accuracy(right, labels)) == int(right.sum()) / len(right)
    counts, hits = np.bincount(labels, minlength=9), np.bincount(labels[right], minlength=9)
    for metric in METRICS:
        alone = accuracy(right, labels, metric)
        assert accuracy_of_counts(hits, counts, metric) == alone  # to the bit
        both = accuracy(np.stack([right, ~right]), labels, metric)
        assert both[0] == alone and both.sum() == pytest.approx(1)
        counted = shares(labels, metric)
        assert counted.sum() == pytest.approx(1) and counted @ right == pytest.approx(float(alone), abs=1e-12)


@given(st.integers(1, 7), st.integers(1, 9), st.data())
def test_of_classes_of_one_size_macro_accuracy_is_top1_to_the_bit(classes, each, data) -> None:
    """So two ways to use exits that are right equally often are equal, whichever classes they know."""
    labels = np.repeat(np.arange(classes), each)
    right = np.array(data.draw(st.lists(st.booleans(), min_size=len(labels), max_size=len(labels))))
    assert accuracy(right, labels, "macro") == accuracy(right, labels)


def test_beside_macro_accuracy_stands_top1() -> None:
    labels = np.array([0] * 99 + [1])
    row = beside_accuracy(labels == 0, labels, ("a", "b"), "macro")
    assert row == {"test_top1": 0.99, "largest_class": 0.99}
    assert beside_accuracy(np.ones(4, dtype=bool), np.array([0, 0, 1, 1]), ("a", "b"), "macro") == {}
