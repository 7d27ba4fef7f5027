"""Labels of a table as names of classes."""

import ast
import math
import re
from numbers import Number
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pandas as pd

from natv2.errors import UserError

_WHOLE = re.compile(r"([+-]?[0-9]+)(\.0*)?")


def labels_of(column: pd.Series, file: Path) -> list[str]:
    """The class of each row; where all are whole numbers, 1.0 is "1".

    Raises UserError, with the row, on a value that is missing, blank or no label: a list, a mapping, a
    number without an end.
    """
    labels = [_label(value, f"{file}, row {row}") for row, value in enumerate(column, 1)]
    whole = [_WHOLE.fullmatch(label) for label in labels]
    return [match[1] for match in whole if match] if all(whole) else labels


def _label(value: Any, where: str) -> str:
    if not isinstance(value, str | Number | pd.Timestamp):
        if pd.api.types.is_scalar(value) and pd.isna(value):
            raise UserError(f"{where}: there is no label")
        raise UserError(f"{where}: {value!r} is no label; a text or a number is needed, one for each image")
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{where}: " + (f"{value} is no label" if math.isinf(value) else "there is no label"))
    label = normalize("NFC", str(value).strip())
    if not any(letter.isprintable() and not letter.isspace() for letter in label):
        raise UserError(f"{where}: there is no label")
    if _is_several(label):
        raise UserError(f"{where}: {label!r} are several labels; one for each image is needed")
    return label


def _is_several(label: str) -> bool:
    """Whether a text is a list or a mapping that was written as one."""
    if label[0] + label[-1] not in ("[]", "()", "{}"):
        return False
    try:
        return isinstance(ast.literal_eval(label), list | tuple | dict | set)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False
