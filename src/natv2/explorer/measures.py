"""The columns that networks can be drawn by, and their values in the tables of a search."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal

import pandas as pd

from natv2.explorer.data import Measure
from natv2.objectives.objectives import ACCURACY, OBJECTIVES

_FORMATS: Mapping[str, Literal["percent", "amount", "number"]] = MappingProxyType(
    {"percent": "percent", "amount": "amount", "millions": "amount", "hundredths": "number"}
)
_BETTER: Mapping[str, Literal["more", "less"]] = MappingProxyType({"maximise": "more", "minimise": "less"})

MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        measure.name: measure
        for measure in (
            *(
                Measure(
                    name=name,
                    title=row.title,
                    better=_BETTER[row.direction],
                    format=_FORMATS[row.format],
                    unit="" if row.format == "percent" else row.unit,
                    split="valid" if name == ACCURACY else None,
                )
                for name, row in OBJECTIVES.items()
            ),
            Measure(name="test_accuracy", title="Test top-1", better="more", format="percent", split="test"),
            # A mean over classes is no share of images: it has no interval of theirs.
            Measure(name="test_macro", title="Test macro accuracy", better="more", format="percent"),
            Measure(name="bytes", title="File size", better="less", format="bytes"),
        )
    }
)
"""Objectives first: a new one needs no line here."""


def values_of(row: Mapping[Any, Any], accuracy: str = ACCURACY) -> dict[str, float]:
    """The measures that `row` of a table has; its validation accuracy is in the column `accuracy`."""
    columns = {name: accuracy if name == ACCURACY else name for name in MEASURES}
    known = {name: row.get(column) for name, column in columns.items()}
    return {name: _plain(value) for name, value in known.items() if value is not None and pd.notna(value)}


def measured(all_values: Iterable[Mapping[str, float]]) -> tuple[Measure, ...]:
    """The measures that at least one network has a value of."""
    found = set[str]().union(*all_values)
    return tuple(measure for name, measure in MEASURES.items() if name in found)


def _plain(value: Any) -> float:
    """A number that JSON writes shortly: costs are whole."""
    number = float(value)
    return int(number) if number.is_integer() else float(f"{number:.6g}")
