"""The columns that networks can be drawn by, and their values in the tables of a search."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import pandas as pd

from natv2.explorer.data import Measure
from natv2.objectives.objectives import ACCURACY, OBJECTIVES
from natv2.objectives.titles import accuracy_word, metrics_of, titled

_FORMATS: Mapping[str, Literal["percent", "amount", "number"]] = MappingProxyType(
    {"percent": "percent", "amount": "amount", "millions": "amount", "hundredths": "number"}
)
_BETTER: Mapping[str, Literal["more", "less"]] = MappingProxyType({"maximise": "more", "minimise": "less"})

_OTHERS: Sequence[Measure] = (
    Measure(name="test_top1", title="Test top-1", better="more", format="percent", split="test"),
    Measure(name="test_macro", title="Test macro accuracy", better="more", format="percent"),
    Measure(name="bytes", title="File size", better="less", format="bytes"),
)

MEASURES = (*OBJECTIVES, "test_accuracy", *(measure.name for measure in _OTHERS))
"""The names of all measures, objectives first: a new one needs no line here."""


def measures_of(archive: pd.DataFrame) -> Iterable[Measure]:
    """All measures, in the order of MEASURES; accuracies have the name that they have in `archive`."""
    # A mean over classes is no share of images: it has no interval of theirs.
    shares = metrics_of(archive) == ["top1"]
    for name, row in titled(archive).items():
        yield Measure(
            name=name,
            title=row.title,
            better=_BETTER[row.direction],
            format=_FORMATS[row.format],
            unit="" if row.format == "percent" else row.unit,
            split="valid" if shares and name == ACCURACY else None,
        )
    yield Measure(
        name="test_accuracy",
        title=f"Test {accuracy_word(archive)}",
        better="more",
        format="percent",
        split="test" if shares else None,
    )
    yield from _OTHERS


def values_of(row: Mapping[Any, Any], accuracy: str = ACCURACY) -> dict[str, float]:
    """The measures that `row` of a table has; its validation accuracy is in the column `accuracy`."""
    columns = {name: accuracy if name == ACCURACY else name for name in MEASURES}
    known = {name: row.get(column) for name, column in columns.items()}
    return {name: _plain(value) for name, value in known.items() if value is not None and pd.notna(value)}


def measured(all_values: Iterable[Mapping[str, float]], archive: pd.DataFrame) -> tuple[Measure, ...]:
    """The measures that at least one network has a value of."""
    found = set[str]().union(*all_values)
    return tuple(measure for measure in measures_of(archive) if measure.name in found)


def _plain(value: Any) -> float:
    """A number that JSON writes shortly: costs are whole."""
    number = float(value)
    return int(number) if number.is_integer() else float(f"{number:.6g}")
