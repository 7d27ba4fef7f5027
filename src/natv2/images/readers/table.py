"""A table of images: a CSV or Parquet file with the columns path and label, perhaps split and group."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from natv2.errors import UserError
from natv2.images.datasets import DataSet
from natv2.images.listing import Listing
from natv2.images.readers.labels import labels_of

_COLUMNS = ("path", "label", "split", "group")
_PARTS = {"train": "train", "valid": "valid", "val": "valid", "validation": "valid", "test": "test"}
_LONGEST = 200  # letters of a path in a message


def read_table(spec: DataSet, file: Path) -> Listing:
    """The images that `file` lists; paths that are not absolute start at its folder.

    Raises FileNotFoundError where there is no such file, UserError where it cannot be read, lacks a
    column or a value, names a file twice or one that there is not, or has a group in two splits.
    """
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    table, remarks = _named(_read(file), file)
    paths = _paths(table["path"], file)
    labels = labels_of(table["label"], file)
    class_names = tuple(sorted(set(labels), key=_numbers_first))
    if len(class_names) < 2:
        raise UserError(f"{file} has {len(class_names)} labels, at least 2 are needed")
    numbers = {name: number for number, name in enumerate(class_names)}
    parts = _parts(table, file)
    return Listing(
        samples=tuple(file.parent / path for path in paths),
        names=tuple(Path(path).as_posix() for path in paths),
        labels=np.array([numbers[label] for label in labels], dtype=np.int64),
        parts=parts,
        class_names=class_names,
        groups=_groups(table, parts, file),
        remarks=remarks,
    )


def _read(file: Path) -> pd.DataFrame:
    try:
        if file.suffix.lower() in (".parquet", ".pq"):
            return pd.read_parquet(file)
        # Only labels such as "NA" look like missing values; an empty field is one.
        return pd.read_csv(file, dtype=str, keep_default_na=False, na_values=[""])
    except Exception as error:  # a damaged Parquet file lets any kind through
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{file} is not a readable CSV or Parquet table: {reason}") from None


def _named(table: pd.DataFrame, file: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The known columns, whatever their case, and a remark where `split` may have another name."""
    found: dict[str, pd.Series] = {}
    for place, column in enumerate(table.columns):
        name = str(column).strip().lower()
        if name in found:
            raise UserError(f"{file} has the column {name!r} twice; leave one")
        if name in _COLUMNS:
            found[name] = table.iloc[:, place]
    there = ", ".join(map(str, table.columns))
    for name in ("path", "label"):
        if name not in found:
            raise UserError(f"{file} has no column {name!r}; it has {there}")
    remarks = []
    if "split" not in found and len(table.columns) > len(found):
        remarks.append(f"the table has no column 'split', only {there}: its images are split here")
    return pd.DataFrame(found).reset_index(drop=True), tuple(remarks)


def _paths(column: pd.Series, file: Path) -> list[str]:
    missing = column.isna() | (column.astype(str).str.strip() == "")
    if missing.any():
        raise UserError(f"{file}, row {int(missing.argmax()) + 1}: there is no path")
    paths = column.astype(str)
    twice = paths.map(lambda path: os.path.normpath(file.parent / path)).duplicated()
    if twice.any():
        raise UserError(f"{file} names {paths[twice].iloc[0]!r} twice")
    absent = [path for path in paths if not _is_file(file.parent / path)]
    if absent:
        shown = str(file.parent / absent[0])
        raise UserError(
            f"{len(absent):,} of the files in {file} are not there, such as "
            + (shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}...")
        )
    return [str(path) for path in paths]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, or with a zero byte: no file is called so
        return False


def _parts(table: pd.DataFrame, file: Path) -> NDArray[np.str_]:
    if "split" not in table:
        return np.full(len(table), "all")
    parts = table["split"].astype(str).str.strip().str.lower().map(_PARTS)
    if parts.isna().any():
        row = int(parts.isna().argmax())
        wrong = table["split"].iloc[row]
        missing = pd.api.types.is_scalar(wrong) and pd.isna(wrong)
        what = "there is no split" if missing else f"a split cannot be {str(wrong)!r}"
        raise UserError(f"{file}, row {row + 1}: {what}; allowed: train, valid, test")
    return parts.to_numpy(dtype=np.str_)


def _groups(table: pd.DataFrame, parts: NDArray[np.str_], file: Path) -> NDArray[np.int64] | None:
    """Numbers of the groups; an image without one is its own."""
    if "group" not in table:
        return None
    names = table["group"].map(_name_of_group).where(table["group"].notna(), "")
    if names.isna().any():
        row = int(names.isna().argmax())
        wrong = table["group"].iloc[row]
        raise UserError(f"{file}, row {row + 1}: {wrong!r} is no group; a text or a number is needed")
    numbers = pd.factorize(names)[0].astype(np.int64)
    alone = (names == "").to_numpy()
    numbers[alone] = len(table) + np.arange(alone.sum())
    sides = pd.Series(parts).groupby(numbers).nunique()
    if (sides > 1).any():
        torn: Sequence[str] = names[numbers == sides.index[sides > 1][0]].tolist()
        raise UserError(
            f"{file} has {int((sides > 1).sum()):,} of its groups in two splits, such as {torn[0]!r}: "
            "give each group one split, or leave out the column 'split' or 'group'"
        )
    return numbers


def _name_of_group(value: Any) -> str | None:
    return str(value).strip() if pd.api.types.is_scalar(value) else None


def _numbers_first(name: str) -> tuple[bool, float, str]:
    """Labels that are numbers in the order of their values, then the others by their letters."""
    return (False, float(name), name) if re.fullmatch(r"[0-9]+", name) else (True, 0.0, name)
