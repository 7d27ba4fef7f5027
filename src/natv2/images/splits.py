"""Which samples train, validate and test."""

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from natv2.errors import UserError
from natv2.images.datasets import Counts
from natv2.images.listing import SPLITS, Listing
from natv2.randomness import derived_seed


def split(
    listing: Listing,
    counts: Counts,
    *,
    name: str,
    seed: int,
    valid_fraction: float | None = None,
    earlier: Mapping[str, NDArray[np.int8]] = MappingProxyType({}),
) -> NDArray[np.str_]:
    """The split of each sample of `listing`: train, valid or test; the same for the same `name` and `seed`.

    Official parts are kept. What is missing is drawn from the training images, stratified by class:
    the test set first, then the validation set, in the proportions of `counts`; `valid_fraction` (of
    the images that are not tested on) comes before those. `earlier` says of a drawn split (test, valid)
    which samples were in it (1), were not (0) and are new (-1): the first two stay so. Raises UserError
    where too few images are left to train on or to tell networks apart.
    """
    assigned = np.where(listing.parts == "all", "train", listing.parts).astype("<U5")
    new = np.full(len(listing), -1, dtype=np.int8)
    share = _own_share(counts) if valid_fraction is None else valid_fraction
    if "test" not in assigned:
        all_of_it = counts.train + counts.valid + counts.test
        known = earlier.get("test", new)
        _draw(assigned, listing, "test", counts.test / all_of_it, derived_seed(seed, name, "test"), known)
    if "valid" not in assigned:
        known = earlier.get("valid", new)
        _draw(assigned, listing, "valid", share, derived_seed(seed, name, "valid"), known)
    for part in SPLITS:
        if not (assigned == part).any():
            why = f"{len(listing)} are too few"
            if any((known >= 0).any() for known in earlier.values()):
                why = (
                    "earlier runs had all of them, or some of every group, in another, and what has trained "
                    "is not tested on; add images, or delete splits.parquet above the decoded images"
                )
            raise UserError(f"{name} has no images left for its split '{part}': {why}")
    return assigned


def changing_share(listing: Listing, counts: Counts, valid_fraction: float | None) -> float | None:
    """`valid_fraction` where it changes the splits.

    None where it does not: the set has that share anyway, or validation images of its own.
    """
    if valid_fraction is None or "valid" in listing.parts or math.isclose(valid_fraction, _own_share(counts)):
        return None
    return valid_fraction


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


def _own_share(counts: Counts) -> float:
    return counts.valid / (counts.train + counts.valid)


def _draw(
    assigned: NDArray[np.str_],
    listing: Listing,
    part: str,
    share: float,
    seed: int,
    known: NDArray[np.int8],
) -> None:
    """Move `share` of the training samples to `part`, as evenly over the classes as whole numbers allow.

    Those `known` to have been in it go there again, those known not to stay; of the new ones so many are
    drawn that the share comes out.
    """
    train = np.flatnonzero(assigned == "train")
    groups = listing.groups[train] if listing.groups is not None else train
    # Groups are drawn, not samples; where there are none, each sample is its own.
    _, first, group_of = np.unique(groups, return_index=True, return_inverse=True)
    was_in, was_not = np.zeros((2, len(first)), dtype=bool)
    np.logical_or.at(was_in, group_of, known[train] == 1)
    np.logical_or.at(was_not, group_of, known[train] == 0)
    was_in &= ~was_not  # of two groups that became one: what has trained is not tested on
    labels = listing.labels[train][first]
    drawn = was_in | _stratified(labels, share, np.random.default_rng(seed), was_in, was_not)
    assigned[train[drawn[group_of]]] = part


def _stratified(
    labels: NDArray[np.int64],
    share: float,
    generator: np.random.Generator,
    drawn: NDArray[np.bool_],
    left: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Which of `labels` are drawn beside those that are `drawn` or `left` already.

    With them they are `share` of all, and of each class the nearest whole number to that. Unlike
    scikit-learn's train_test_split it copes with classes of one or two images. Every class keeps at
    least one, and one is drawn at the least.
    """
    classes, class_of = np.unique(labels, return_inverse=True)
    new = ~(drawn | left)
    sizes, before, fresh = (np.bincount(class_of[rows], minlength=len(classes)) for rows in (..., drawn, new))
    exact = np.clip(sizes * share - before, 0, fresh)
    taken = np.floor(exact).astype(np.int64)
    # Largest remainders: the total comes out as asked for.
    wanted = max(0 if drawn.any() else 1, round(len(labels) * share) - int(before.sum()))
    taken[np.argsort(taken - exact, kind="stable")[: max(0, wanted - int(taken.sum()))]] += 1
    taken = np.clip(taken, 0, np.minimum(fresh, sizes - before - 1).clip(min=0))
    chosen = np.zeros(len(labels), dtype=bool)
    for label, count in enumerate(taken):
        members = np.flatnonzero((class_of == label) & new)
        chosen[generator.permutation(members)[:count]] = True
    return chosen
