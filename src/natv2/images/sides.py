"""Which split each image of a growing set is in: recorded, so that what has trained is never tested on."""

import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from natv2.atomic import write_bytes
from natv2.bar import progress_bar
from natv2.disk import writing
from natv2.errors import UserError
from natv2.files import one_line
from natv2.images.datasets import Counts
from natv2.images.listing import Listing
from natv2.images.splits import split
from natv2.images.store import file_status

FILE = "splits.parquet"
_IDENTITY = ["name", "size", "modified", "inode"]  # a file that these are equal of is not read again
_FIRST_CLASS = "first class"


class Sides(NamedTuple):
    """The part of each sample, and the classes whose images were of others: "ape is bee" for most apes."""

    parts: NDArray[np.str_]
    changed_classes: tuple[str, ...]


def lasting_split(
    listing: Listing,
    counts: Counts,
    *,
    name: str,
    seed: int,
    valid_fraction: float | None,
    folder: Path,
) -> Sides:
    """As `split`; images that `folder` knows by the SHA-256 of their files stay where they were.

    The test set is one, whatever share validates; each share has a validation set of its own.
    """
    file = folder / FILE
    share = "own" if valid_fraction is None else f"{valid_fraction:g}"
    columns = {"test": f"test, seed {seed}", "valid": f"valid, seed {seed}, share {share}"}
    known = _known(file)
    images = _images(listing, known)
    recorded = (
        known.drop(columns=_IDENTITY).set_index("image").reindex(images["image"]).reset_index(drop=True)
    )
    elsewhere = _elsewhere(folder, images["image"], recorded)
    earlier = {}
    for part, column in columns.items():
        sources = [table[column] for table in (recorded, elsewhere) if column in table]
        if sources:
            found = sources[0] if len(sources) == 1 else sources[0].fillna(sources[1])
            found = found.fillna(_as_its_copies(images["image"], found, known, column))
            earlier[part] = found.fillna(-1).to_numpy(dtype=np.int8)
    assigned = split(listing, counts, name=name, seed=seed, valid_fraction=valid_fraction, earlier=earlier)
    drawn: dict[str, Any] = {
        column: pd.array(assigned == part, dtype="Int8") for part, column in columns.items()
    }
    classes = pd.Series(np.array(listing.class_names, dtype=object)[listing.labels])
    first = classes if _FIRST_CLASS not in recorded else recorded[_FIRST_CLASS].fillna(classes)
    drawn[_FIRST_CLASS] = first
    gone = known[~known["image"].isin(images["image"])]  # it may come back
    table = pd.concat([pd.concat([images, recorded], axis=1).assign(**drawn), gone], ignore_index=True)
    if not table.equals(known):
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            write_bytes(file, table.to_parquet())
    return Sides(assigned, _changed(first, classes))


def _elsewhere(folder: Path, images: pd.Series, recorded: pd.DataFrame) -> pd.DataFrame:
    """What other places' records say of those of `images` that this one does not know: a folder may be moved.

    Where they differ, what trained anywhere is not tested on.
    """
    if not recorded.isna().all(axis=1).any():
        return recorded.iloc[:, :0]
    tables = [_known(file) for file in sorted(folder.parent.glob(f"*/{FILE}")) if file.parent != folder]
    found = [table.drop(columns=[*_IDENTITY, _FIRST_CLASS], errors="ignore") for table in tables]
    if not found:
        return recorded.iloc[:, :0]
    return pd.concat(found).groupby("image").min().reindex(images).reset_index(drop=True)


def _as_its_copies(images: pd.Series, found: pd.Series, known: pd.DataFrame, column: str) -> pd.Series:
    """For each of `images` where others of the same content were, by what is `found` and `known` of them.

    Where these differ, what trained anywhere is not tested on.
    """
    digests = images.str.partition("/")[0]
    recorded = known.set_index(known["image"].str.partition("/")[0])[column] if column in known else found[:0]
    told = pd.concat([recorded, found.set_axis(digests)]).dropna()
    return pd.Series(digests.map(told.groupby(level=0).min()).to_numpy(), index=images.index)


def _changed(first: pd.Series, classes: pd.Series) -> tuple[str, ...]:
    """Of which classes most images are of another one than when they were first seen, and of which."""
    found = []
    for name, now in classes.groupby(first):
        most = now.value_counts()
        if len(now) > 1 and most.index[0] != name and 2 * most.iloc[0] > len(now):
            found.append(f"{name} is {most.index[0]}")
    return tuple(found)


def _known(file: Path) -> pd.DataFrame:
    """The recorded splits. Raises UserError where they cannot be read: drawn anew they would be others."""
    if not file.exists():
        return pd.DataFrame(columns=[*_IDENTITY, "image"])
    try:
        known = pd.read_parquet(file)
        if "inode" not in known:  # an earlier version wrote it: all are read once more
            known = known.assign(inode=-1)
        return known[[*_IDENTITY, "image", *known.columns.drop([*_IDENTITY, "image"])]]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{file}, which says which images train and which are tested on, cannot be read "
            f"({one_line(error)}); restore it, or delete it and train anew: what trained before may be "
            "tested on then"
        ) from None


def _images(listing: Listing, known: pd.DataFrame) -> pd.DataFrame:
    """What each sample is: its file's name, size and time, and a digest with the number of the copy."""
    assert not isinstance(listing.samples, np.ndarray)
    status = [file_status(path) for path in listing.samples]
    frame = pd.DataFrame(
        {
            "name": list(listing.names),
            "size": [each.st_size for each in status],
            "modified": [each.st_mtime_ns for each in status],
            "inode": [each.st_ino for each in status],  # tells files apart that have exchanged their names
        }
    )
    read_before = known[[*_IDENTITY, "image"]].drop_duplicates(_IDENTITY)
    found = frame.merge(read_before, on=_IDENTITY, how="left")["image"].astype(object)
    digests = found.str.partition("/")[0].to_numpy(dtype=object, copy=True)
    new = np.flatnonzero(found.isna())
    if len(new):
        with ThreadPoolExecutor() as pool, progress_bar("reading images that are new", len(new)) as bar:
            for row, digest in zip(new, pool.map(_digest, [listing.samples[i] for i in new]), strict=True):
                digests[row] = digest
                bar.advance("")
    copies: Counter[str] = Counter()
    numbered = []
    for digest in digests:
        numbered.append(f"{digest}/{copies[digest]}")
        copies[digest] += 1
    return frame.assign(image=numbered)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:  # decoding says what is wrong, or leaves it out
        return f"unreadable {path.name}"
