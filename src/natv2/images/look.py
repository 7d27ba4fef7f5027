"""What a look at a data set found: JSON that steps and pages read."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from natv2.images.balance import larger_class
from natv2.images.levels import Levels, is_deep
from natv2.images.listing import SPLITS
from natv2.printable import printable

LOOK = 2
"""What a look is made of; another number for another way of looking, and kept ones are taken anew."""

FEW = 10
"""Training images of a class below which a person is warned."""

TOO_FEW = 5
"""Images of a split below which a person is warned: networks are chosen and judged by these."""

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
    `levels` scaled the `deep` images of more than 8 bits; of those with `several_pages` the first is used.
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
    levels: Levels | None = None
    deep: int = 0
    several_pages: tuple[str, ...] = ()
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
        return printable(
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
        if self.levels is not None:
            count = _count(self.deep, "image of", "images of")
            found.append(f"{self.name}: {count} more than 8 bits; one scale for all: {self.levels}")
        halved = (n for mode, n in self.modes.items() if mode.endswith(";16") and not is_deep(mode))
        if upper := sum(halved):
            count = _count(upper, "colour image has", "colour images have")
            found.append(
                f"{self.name}: {count} 16 bits a channel, the upper 8 of which are used: dark where a file "
                "has fewer bits"
            )
        if self.several_pages:
            names = list(self.several_pages)
            files = _count(len(names), "file has", "files have")
            found.append(f"{self.name}: {files} several pages, of which the first is used: {_some(names)}")
        found += [f"{self.name}: {text}" for text in (*self._unequal(), *self._small())]
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
        return [printable(text) for text in found]

    def lonely(self, split: str) -> list[str]:
        """The classes whose images are in `split` only."""
        return [name for name, c in self.counts.items() if 0 < c[split] == sum(c.values())]

    def _unequal(self) -> list[str]:
        """That one class is much larger than another among the test images, if so."""
        larger = larger_class({name: c["test"] for name, c in self.counts.items()})
        if larger is None:
            return []
        name, share = larger
        return [
            f"classes are unequal: {100 * share:.1f} % of the test images are of the class {name!r}, which "
            "is the top-1 of a network that always says so; see the macro accuracy too"
        ]

    def _small(self) -> list[str]:
        """The splits that are too small to judge networks by."""
        told = []
        for split, what in (("valid", "validation"), ("test", "test")):
            total = self.total(split)
            if 0 < total < TOO_FEW:
                classes = sum(c[split] > 0 for c in self.counts.values())
                images = _count(total, f"{what} image", f"{what} images")
                told.append(f"only {images}, of {_count(classes, 'class', 'classes')}: too few to judge by")
        return told

    def _odd_classes(self) -> list[tuple[list[str], str]]:
        """Classes that training or testing will suffer from, and what they have or lack."""
        few = [name for name, c in self.counts.items() if 0 < c["train"] < FEW]
        lonely = {split: self.lonely(split) for split in SPLITS}
        known = {name for names in lonely.values() for name in names}
        untrained = [name for name, c in self.counts.items() if not c["train"] and name not in known]
        others = [name for name, c in self.counts.items() if c["train"] and name not in known]
        return [
            (few, f"fewer than {FEW} training images"),
            (untrained, "no training images"),
            ([name for name in others if not self.counts[name]["valid"]], "no validation images"),
            (
                [name for name in others if not self.counts[name]["test"]],
                "no test images (the macro accuracy leaves them out)",
            ),
            *((names, f"images in {split} only") for split, names in lonely.items()),
        ]


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
