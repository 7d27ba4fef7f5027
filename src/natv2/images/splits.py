"""Which samples train, validate and test."""

import numpy as np
from numpy.typing import NDArray

from natv2.errors import UserError
from natv2.images.datasets import Counts
from natv2.images.listing import SPLITS, Listing
from natv2.randomness import derived_seed


def split(
    listing: Listing, counts: Counts, *, name: str, seed: int, valid_fraction: float | None = None
) -> NDArray[np.str_]:
    """The split of each sample of `listing`: train, valid or test; the same for the same `name` and `seed`.

    Official parts are kept. What is missing is drawn from the training images, stratified by class:
    the test set first, then the validation set, in the proportions of `counts`; `valid_fraction` (of
    the images that are not tested on) comes before those. Raises UserError where too few images are
    left to train on or to tell networks apart.
    """
    assigned = np.where(listing.parts == "all", "train", listing.parts).astype("<U5")
    share = counts.valid / (counts.train + counts.valid) if valid_fraction is None else valid_fraction
    if "test" not in assigned:
        known = counts.train + (0 if "valid" in assigned else counts.valid)
        _draw(
            assigned, listing, "test", counts.test / (known + counts.test), derived_seed(seed, name, "test")
        )
    if "valid" not in assigned:
        _draw(assigned, listing, "valid", share, derived_seed(seed, name, "valid"))
    for part in SPLITS:
        if not (assigned == part).any():
            raise UserError(f"{name} has no images left for its split '{part}': {len(listing)} are too few")
    return assigned


def thinned(
    assigned: NDArray[np.str_], labels: NDArray[np.int64], per_class: int, seed: int
) -> NDArray[np.str_]:
    """`assigned` with at most `per_class` training and as many validation images of each class, drawn.

    The others belong to no split ("") then; the test set stays as it is.
    """
    # A draw that all classes share: which images it leaves depends on nothing but the seed.
    place = np.random.default_rng(derived_seed(seed, "thinned")).permutation(len(assigned))
    kept = assigned == "test"
    for part in ("train", "valid"):
        for label in np.unique(labels):
            members = np.flatnonzero((assigned == part) & (labels == label))
            kept[members[np.argsort(place[members])][:per_class]] = True
    return np.where(kept, assigned, "")


def _draw(assigned: NDArray[np.str_], listing: Listing, part: str, share: float, seed: int) -> None:
    """Move `share` of the training samples to `part`, as evenly over the classes as whole numbers allow."""
    train = np.flatnonzero(assigned == "train")
    groups = listing.groups[train] if listing.groups is not None else train
    # Groups are drawn, not samples; where there are none, each sample is its own.
    _, first, group_of = np.unique(groups, return_index=True, return_inverse=True)
    labels = listing.labels[train][first]
    drawn = _stratified(labels, share, np.random.default_rng(seed))
    assigned[train[drawn[group_of]]] = part


def _stratified(labels: NDArray[np.int64], share: float, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Which of `labels` are drawn: `share` of all, and of each class the nearest whole number to that.

    Unlike scikit-learn's train_test_split it copes with classes of one or two images. Every class
    keeps at least one, and one is drawn at the least.
    """
    classes, sizes = np.unique(labels, return_counts=True)
    exact = sizes * share
    taken = np.floor(exact).astype(np.int64)
    # Largest remainders: the total comes out as asked for.
    missing = max(1, round(len(labels) * share)) - taken.sum()
    taken[np.argsort(taken - exact, kind="stable")[:missing]] += 1
    taken = np.minimum(taken, sizes - 1)
    drawn = np.zeros(len(labels), dtype=bool)
    for label, count in zip(classes, taken, strict=True):
        members = np.flatnonzero(labels == label)
        drawn[generator.permutation(members)[:count]] = True
    return drawn
