"""A table of images: a CSV or Parquet file with the columns path and label, perhaps split."""

import os
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pandas as pd

from natv2.errors import UserError
from natv2.images.datasets import DataSet
from natv2.images.listing import Listing

_PARTS = {"train": "train", "valid": "valid", "val": "valid", "validation": "valid", "test": "test"}


def read_table(spec: DataSet, file: Path) -> Listing:
    """The images that `file` lists; paths that are not absolute start at its folder.

    Raises FileNotFoundError where there is no such file, UserError where it cannot be read, lacks a
    column or a value, or names a file twice or one that there is not.
    """
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    table = _rows(file)
    labels = table["label"].astype(str).map(lambda label: normalize("NFC", label.strip()))
    class_names = tuple(sorted(set(labels), key=_numbers_first))
    if len(class_names) < 2:
        raise UserError(f"{file} has {len(class_names)} labels, at least 2 are needed")
    numbers = {name: number for number, name in enumerate(class_names)}
    return Listing(
        samples=tuple(file.parent / path for path in table["path"]),
        names=tuple(Path(path).as_posix() for path in table["path"]),
        labels=np.array([numbers[label] for label in labels], dtype=np.int64),
        parts=_parts(table, file),
        class_names=class_names,
    )


def _rows(file: Path) -> pd.DataFrame:
    try:
        # Only labels such as "NA" look like missing values; an empty field is one.
        table = (
            pd.read_parquet(file)
            if file.suffix.lower() in (".parquet", ".pq")
            else pd.read_csv(file, dtype=str, keep_default_na=False, na_values=[""])
        )
    except (ValueError, OSError, pd.errors.ParserError) as error:
        raise UserError(f"{file} is not a readable CSV or Parquet table: {error}") from None
    for column in ("path", "label"):
        if column not in table:
            raise UserError(f"{file} has no column {column!r}; it has {', '.join(map(str, table.columns))}")
        missing = table[column].isna()
        if missing.any():
            raise UserError(f"{file}, row {int(missing.argmax()) + 1}: there is no {column}")
    if pd.api.types.is_float_dtype(table["label"]) and (table["label"] % 1 == 0).all():
        table["label"] = table["label"].astype(np.int64)  # 1.0 is class "1"
    table["path"] = table["path"].astype(str)
    twice = table["path"].map(lambda path: os.path.normpath(file.parent / path)).duplicated()
    if twice.any():
        raise UserError(f"{file} names {table['path'][twice].iloc[0]!r} twice")
    absent = [path for path in table["path"] if not (file.parent / path).is_file()]
    if absent:
        raise UserError(
            f"{len(absent):,} of the files in {file} are not there, such as {file.parent / absent[0]}"
        )
    return table


def _parts(table: pd.DataFrame, file: Path) -> "np.ndarray[tuple[int], np.dtype[np.str_]]":
    if "split" not in table:
        return np.full(len(table), "all")
    parts = table["split"].astype(str).str.lower().map(_PARTS)
    if parts.isna().any():
        wrong = table["split"][parts.isna()].iloc[0]
        raise UserError(f"{file}: a split cannot be {wrong!r}; allowed: train, valid, test")
    return parts.to_numpy(dtype=np.str_)


def _numbers_first(name: str) -> tuple[bool, float, str]:
    """Labels that are numbers in the order of their values, then the others by their letters."""
    return (False, float(name), name) if name.isdecimal() else (True, 0.0, name)
