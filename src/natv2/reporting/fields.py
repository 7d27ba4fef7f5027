"""How each known column of a results frame is named and written for people."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from natv2.objectives.objectives import ACCURACY, OBJECTIVES
from natv2.objectives.titles import accuracy_word, titled

MISSING = "–"

_TOP1 = pd.DataFrame()


@dataclass(frozen=True)
class Field:
    """A column's title, unit included, and how one of its values is written."""

    title: str
    write: Callable[[float], str]


def amount(value: float) -> str:
    """A count with three significant digits and its SI prefix: 412 k, 7.66 M."""
    from matplotlib.ticker import EngFormatter  # half a second that only drawing needs

    return str(EngFormatter()(float(f"{value:.3g}"))).strip()


FORMATS: Mapping[str, Callable[[Any], str]] = {
    "text": str,
    "amount": amount,
    "percent": lambda value: f"{100 * value:.2f}",
    "millions": lambda value: f"{value / 1e6:,.2f}",
    "hundredths": lambda value: f"{value:.2f}",
    "signed": lambda value: f"{value:+.1f}",
    "whole": lambda value: f"{value:.0f}",
    "decimal": lambda value: str(float(value)),
}
"""How a value is written, by name; those of objectives are in their rows."""


def known_fields(table: pd.DataFrame = _TOP1) -> dict[str, Field]:
    """Known columns in the order they are shown; accuracies and errors are fractions, counts plain.

    Accuracies have the name that they have in `table`.
    """
    costs = {name: row for name, row in OBJECTIVES.items() if name != ACCURACY}
    accuracy, word = titled(table)[ACCURACY], accuracy_word(table)
    rows = {
        "name": ("Network", "text"),
        "method": ("Method", "text"),
        "exit_weighting": ("Exit weighting", "text"),
        "optimizer": ("Optimiser", "text"),
        ACCURACY: (accuracy.label, accuracy.format),
        "accuracy_before": (f"Validation {word} before (%)", "percent"),
        "accuracy_after": (f"Validation {word} after (%)", "percent"),
        "test_accuracy_before": (f"Test {word} before (%)", "percent"),
        "test_accuracy": (f"Test {word} (%)", "percent"),
        "best_plain": ("Best plain network for the cost", "text"),
        "gain": ("Gain over it, points (95 %)", "text"),
        "kept": ("Exits kept", "text"),
        "test_top1": ("Test top-1 (%)", "percent"),
        "test_top5": ("Test top-5 (%)", "percent"),
        "test_macro": ("Test macro accuracy (%)", "percent"),
        "largest_class": ("Share of the largest class (%)", "percent"),
        **{name: (row.label, row.format) for name, row in costs.items()},
        "latency_of": ("Latency is", "text"),
        "resolution": ("Resolution (px)", "whole"),
        "exit": ("Exit", "whole"),
        "leaving": ("Leave early (%)", "percent"),
        "exits": ("Exits", "whole"),
        "width": ("Width", "decimal"),
        "epoch_seconds": ("Epoch (s)", "hundredths"),
        "turn": ("Turn", "whole"),
        "predicted_error": ("Predicted error (%)", "percent"),
        "top1_change": ("Top-1 change (%)", "signed"),
        **{f"{name}_change": (f"{row.title} change (%)", "signed") for name, row in costs.items()},
    }
    return {name: Field(title, FORMATS[form]) for name, (title, form) in rows.items()}


def format_values(values: pd.Series, field: Field) -> list[str]:
    """Every value of a column as text; text stays as it is, a missing value becomes a dash."""
    return [MISSING if pd.isna(v) else v if isinstance(v, str) else field.write(v) for v in values]


def descriptions(frame: pd.DataFrame) -> list[str]:
    """What each row says of itself, a line a known column, with the HTML breaks that Plotly's hover takes."""
    columns = [
        [f"{field.title}: {text}" for text in format_values(frame[name], field)]
        for name, field in known_fields(frame).items()
        if name in frame
    ]
    return ["<br>".join(lines) for lines in zip(*columns, strict=True)]
