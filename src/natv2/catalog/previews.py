"""How Kedro-Viz shows a table: what is known, in numbers that can be read."""

import math
from typing import Any

import pandas as pd

from natv2.reporting.fields import MISSING

_DIGITS = 4


def preview_of(table: pd.DataFrame, rows: int) -> dict[str, Any]:
    """The first `rows` of `table` as Kedro-Viz takes them, floats with four digits.

    Columns without a value are left out; other missing values are a dash.
    """
    shown = table.head(rows).dropna(axis="columns", how="all")
    split: dict[str, Any] = shown.to_dict(orient="split")
    split["data"] = [[_readable(value) for value in row] for row in split["data"]]
    return split


def _readable(value: Any) -> Any:
    if not pd.api.types.is_scalar(value):
        return str(value)
    if pd.isna(value):
        return MISSING
    if not isinstance(value, float) or value == 0:
        return value
    if not math.isfinite(value):
        return str(value)  # JSON has no such number
    return round(value, max(0, _DIGITS - 1 - math.floor(math.log10(abs(value)))))
