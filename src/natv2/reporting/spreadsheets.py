"""Tables whose texts no spreadsheet takes for formulas."""

from collections.abc import Callable
from typing import Any

import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def without_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """`table` with an apostrophe before each text that a spreadsheet would run; numbers stay as they are."""
    return _each_text(table, lambda text: f"'{text}" if _is_formula(text) else text)


def with_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """What `without_formulas` was given."""
    return _each_text(table, lambda text: text[1:] if text[0] == "'" and _is_formula(text[1:]) else text)


def _each_text(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    def cell(value: Any) -> Any:
        return change(value) if isinstance(value, str) and value else value

    changed = table.copy()
    for name in table.select_dtypes(exclude=["number", "bool", "datetime"]):
        changed[name] = table[name].map(cell)
    changed.columns = pd.Index([cell(name) for name in table.columns])
    return changed


def _is_formula(text: str) -> bool:
    if not text.startswith(_FORMULA):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False
