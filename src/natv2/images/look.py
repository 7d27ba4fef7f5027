"""What a look at a data set found: JSON that steps and pages read."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from natv2.images.duplicates import exact_pairs, near_pairs
from natv2.images.listing import SPLITS

LOOK = 2
"""What a look is made of; another number for another way of looking, and kept ones are taken anew."""

FEW = 10
"""Training images of a class below which a person is warned."""

_LISTED = 200  # pairs that are kept by name; all are counted
_SIZES = 50  # of which it is kept how many images have them
_NAMED = 3  # examples in a sentence


class Named(BaseModel):
    """A file, its split and its class."""

    model_config = ConfigDict(frozen=True)

    name: str
    split: str
    label: str
    row: int


class Pairs(BaseModel):
    """Pairs of images: how many, and the first of them."""

    model_config = ConfigDict(frozen=True)

    count: int
    all_found: bool
    listed: tuple[tuple[Named, Named], ...]


class ImageReport(BaseModel):
    """The look at a data set; `counts` are images of a class in a split.

    `sizes` are the commonest "width x height", `width` and `height` their smallest, median and largest.
    `mean` and `std` are those of the training images in 0..1; `unreadable` are the files that were left
    out with their reasons, `duplicates` those of two splits, `contradictions` the same image in two classes,
    `remarks` what their reader had to say.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    fingerprint: str
    stored_size: str
    counts: Mapping[str, Mapping[str, int]]
    sizes: Mapping[str, int]
    width: tuple[int, int, int]
    height: tuple[int, int, int]
    modes: Mapping[str, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    unreadable: tuple[tuple[str, str], ...]
    duplicates: Pairs
    near_duplicates: Pairs
    contradictions: Pairs
    remarks: tuple[str, ...]

    def total(self, split: str) -> int:
        """Images in `split`."""
        return sum(counts[split] for counts in self.counts.values())

    def summary(self) -> str:
        """One line: how many images of how many classes are where."""
        train, valid, test = (f"{self.total(split):,}" for split in SPLITS)
        return (
            f"{self.name} ({self.title}): {train} images train, {valid} validate, {test} test; "
            f"{len(self.counts)} classes, kept at {self.stored_size}"
        )

    def warnings(self) -> list[str]:
        """A sentence for each thing that is odd, with the first few names."""
        found = [f"{self.name}: {remark}" for remark in self.remarks]
        if self.unreadable:
            names = [f"{name} ({reason})" for name, reason in self.unreadable]
            found.append(
                f"{self.name}: {_count(len(names), 'image')} could not be read and left out: {_some(names)}"
            )
        for classes, what in self._odd_classes():
            if classes:
                names = [repr(name) for name in classes]
                found.append(
                    f"{self.name}: {_count(len(names), 'class', 'classes')} with {what}: {_some(names)}"
                )
        for pairs, what in ((self.duplicates, "the same"), (self.near_duplicates, "nearly the same")):
            if pairs.count:
                names = [
                    f"{one.name} ({one.split}) = {other.name} ({other.split})" for one, other in pairs.listed
                ]
                count = ("" if pairs.all_found else "at least ") + _count(pairs.count, "pair")
                found.append(f"{self.name}: {count} of {what} image in two splits: {_some(names)}")
        if self.contradictions.count:
            names = [
                f"{one.name} ({one.label}) = {other.name} ({other.label})"
                for one, other in self.contradictions.listed
            ]
            count = _count(self.contradictions.count, "pair")
            found.append(f"{self.name}: {count} of the same image in two classes: {_some(names)}")
        return found

    def lonely(self, split: str) -> list[str]:
        """The classes whose images are in `split` only."""
        return [name for name, c in self.counts.items() if 0 < c[split] == sum(c.values())]

    def _odd_classes(self) -> list[tuple[list[str], str]]:
        """Classes that training or testing will suffer from, and what they have or lack."""
        few = [name for name, c in self.counts.items() if 0 < c["train"] < FEW]
        lonely = {split: self.lonely(split) for split in SPLITS}
        known = {name for names in lonely.values() for name in names}
        untrained = [name for name, c in self.counts.items() if not c["train"] and name not in known]
        return [
            (few, f"fewer than {FEW} training images"),
            (untrained, "no training images"),
            *((names, f"images in {split} only") for split, names in lonely.items()),
        ]


def make_report(
    *,
    name: str,
    title: str,
    fingerprint: str,
    index: pd.DataFrame,
    pixels: NDArray[np.uint8],
    class_names: Sequence[str],
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    remarks: Sequence[str],
) -> ImageReport:
    """Look at decoded images: `pixels` uint8 (N, H, W, 3), `index` a row for each.

    Columns of `index`: name, label (of `class_names`), split ("" where an image is in none), and as they
    came width, height, mode, digest of the content, error ("" where it was read).
    """
    used = index[index["split"] != ""]
    rows = used.index.to_numpy(dtype=np.int64)
    near = near_pairs(pixels, rows, used["split"])
    exact = rows[exact_pairs(used["digest"], used["split"])]
    contradictions = rows[exact_pairs(used["digest"], used["label"])]
    # The same image is nearly the same picture too: it is said once.
    digests = pd.factorize(index["digest"])[0][near.pairs]
    nearly = near.pairs[digests[:, 0] != digests[:, 1]]
    unreadable = index[index["error"] != ""]
    sizes = (used["width"].astype(str) + " x " + used["height"].astype(str)).value_counts()
    return ImageReport(
        name=name,
        title=title,
        fingerprint=fingerprint,
        stored_size=f"{pixels.shape[2]} x {pixels.shape[1]}",
        counts=_counts(used, class_names),
        sizes={str(size): int(count) for size, count in sizes[:_SIZES].items()},
        width=_extent(used["width"]),
        height=_extent(used["height"]),
        modes={str(mode): int(count) for mode, count in used["mode"].value_counts().items()},
        mean=mean,
        std=std,
        unreadable=tuple(zip(unreadable["name"], unreadable["error"], strict=True)),
        duplicates=_pairs(index, exact, class_names),
        near_duplicates=_pairs(index, nearly, class_names, all_found=near.all_found),
        contradictions=_pairs(index, contradictions, class_names),
        remarks=tuple(remarks),
    )


def _counts(used: pd.DataFrame, class_names: Sequence[str]) -> dict[str, dict[str, int]]:
    table = {
        split: np.bincount(used.loc[used["split"] == split, "label"], minlength=len(class_names))
        for split in SPLITS
    }
    return {
        name: {split: int(table[split][label]) for split in SPLITS} for label, name in enumerate(class_names)
    }


def _extent(values: pd.Series) -> tuple[int, int, int]:
    smallest, median, largest = np.percentile(values.to_numpy(dtype=np.int64), [0, 50, 100])
    return int(smallest), int(median), int(largest)


def _pairs(
    index: pd.DataFrame, pairs: NDArray[np.int64], class_names: Sequence[str], *, all_found: bool = True
) -> Pairs:
    labels = index["label"].to_numpy(dtype=np.int64)

    def named(row: int) -> Named:
        label = class_names[labels[row]]
        return Named(name=index.at[row, "name"], split=index.at[row, "split"], label=label, row=row)

    listed = tuple((named(one), named(other)) for one, other in pairs[:_LISTED].tolist())
    return Pairs(count=len(pairs), all_found=all_found, listed=listed)


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
