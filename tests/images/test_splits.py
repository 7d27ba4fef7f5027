"""Splits keep official parts, whole groups and class shares, and take every image once."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from natv2.errors import UserError
from natv2.images.datasets import Counts
from natv2.images.listing import Listing
from natv2.images.splits import split, thinned

SHARES = Counts(train=60, valid=20, test=20)


def listing(labels: list[int], parts: list[str] | None = None, groups: list[int] | None = None) -> Listing:
    count = len(labels)
    return Listing(
        samples=tuple(Path(f"{n}.png") for n in range(count)),
        names=tuple(f"{n}.png" for n in range(count)),
        labels=np.array(labels, dtype=np.int64),
        parts=np.array(parts or ["all"] * count),
        class_names=tuple(f"class {n}" for n in range(max(labels) + 1)),
        groups=None if groups is None else np.array(groups, dtype=np.int64),
    )


@given(
    st.lists(st.integers(1, 40), min_size=2, max_size=30).filter(lambda sizes: sum(sizes) >= 20),
    st.integers(0, 5),
)
def test_shares_hold_in_each_class_and_in_all(sizes: list[int], seed: int) -> None:
    labels = [label for label, size in enumerate(sizes) for _ in range(size)]
    assigned = split(listing(labels), SHARES, name="x", seed=seed)
    assert set(assigned) == {"train", "valid", "test"}
    for label, size in enumerate(sizes):
        own = assigned[np.array(labels) == label]
        assert (own == "train").sum() >= 1
        assert abs((own == "test").sum() - 0.2 * size) < 1
        assert abs((own == "valid").sum() - 0.2 * size) < 1.3
    if min(sizes) >= 5:
        assert (assigned == "test").sum() == round(0.2 * len(labels))


def test_whole_official_sets_get_exactly_their_counts() -> None:
    labels = list(range(10)) * 600
    parts = ["train"] * 5000 + ["test"] * 1000
    assigned = split(listing(labels, parts), Counts(train=4250, valid=750, test=8000), name="x", seed=0)
    assert [(assigned == part).sum() for part in ("train", "valid", "test")] == [4250, 750, 1000]
    assert (assigned[5000:] == "test").all()


def test_official_parts_are_kept() -> None:
    parts = ["train", "valid", "test"] * 20
    assigned = split(listing([0, 1] * 30, parts), SHARES, name="x", seed=0)
    assert assigned.tolist() == parts


def test_a_validation_set_without_a_test_set_stays() -> None:
    parts = ["train"] * 60 + ["valid"] * 20
    assigned = split(listing([0, 1] * 40, parts), SHARES, name="x", seed=0)
    assert (assigned[60:] == "valid").all()
    assert (assigned == "test").sum() == 0.2 * 60  # of what would train


def test_a_group_stays_on_one_side() -> None:
    labels = [n // 30 % 5 for n in range(3000)]
    groups = [n // 30 for n in range(3000)]
    assigned = split(listing(labels, groups=groups), SHARES, name="x", seed=0)
    for group in range(100):
        assert len(set(assigned[30 * group : 30 * group + 30])) == 1
    assert (assigned == "valid").sum() == (assigned == "test").sum() == 600


def test_seed_and_name_decide() -> None:
    images = listing([0, 1] * 100)
    first = split(images, SHARES, name="x", seed=0)
    assert (first == split(images, SHARES, name="x", seed=0)).all()
    assert (first != split(images, SHARES, name="x", seed=1)).any()
    assert (first != split(images, SHARES, name="y", seed=0)).any()


def test_another_share_validates_where_asked_for() -> None:
    assigned = split(listing([0, 1] * 100), SHARES, name="x", seed=0, valid_fraction=0.1)
    assert (assigned == "test").sum() == 40
    assert (assigned == "valid").sum() == 16


def test_thinning_leaves_the_test_set_and_so_many_of_each_class() -> None:
    images = listing([0] * 100 + [1] * 50 + [2] * 10)
    assigned = split(images, SHARES, name="x", seed=0)
    few = thinned(assigned, images.labels, 7, seed=0)
    assert ((few == assigned) | (few == "")).all()
    assert ((few == "test") == (assigned == "test")).all()
    for label, (train, valid) in enumerate([(7, 7), (7, 7), (6, 2)]):
        own = few[images.labels == label]
        assert [(own == "train").sum(), (own == "valid").sum()] == [train, valid]
    assert (few == thinned(assigned, images.labels, 7, seed=0)).all()
    assert set(np.flatnonzero(few != "")) <= set(
        np.flatnonzero(thinned(assigned, images.labels, 9, seed=0) != "")
    )


def test_too_few_images_are_refused() -> None:
    with pytest.raises(UserError, match=r"no images left for its split 'valid': 2 are too few"):
        split(listing([0, 1]), SHARES, name="x", seed=0)
