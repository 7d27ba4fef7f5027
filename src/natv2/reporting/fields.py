"""How each known column of a results frame is named and written for people."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd
from matplotlib.ticker import EngFormatter

MISSING = "–"


@dataclass(frozen=True)
class Field:
    """A column's title, unit included, and how one of its values is written."""

    title: str
    write: Callable[[float], str]


def amount(value: float) -> str:
    """A count with three significant digits and its SI prefix: 412 k, 7.66 M."""
    return str(EngFormatter()(float(f"{value:.3g}"))).strip()


def _percent(value: float) -> str:
    return f"{100 * value:.2f}"


def _millions(value: float) -> str:
    return f"{value / 1e6:,.2f}"


def _decimal(value: float) -> str:
    return str(float(value))


def _hundredths(value: float) -> str:
    return f"{value:.2f}"


def _signed(value: float) -> str:
    return f"{value:+.1f}"


def _whole(value: float) -> str:
    return f"{value:.0f}"


FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        "name": Field("Network", str),
        "method": Field("Method", str),
        "weighting": Field("Weighting", str),
        "optimizer": Field("Optimiser", str),
        "accuracy": Field("Validation top-1 (%)", _percent),
        "accuracy_before": Field("Validation top-1 before (%)", _percent),
        "accuracy_after": Field("Validation top-1 after (%)", _percent),
        "test_accuracy_before": Field("Test top-1 before (%)", _percent),
        "test_accuracy": Field("Test top-1 (%)", _percent),
        "kept": Field("Exits kept", str),
        "test_top1": Field("Test top-1 (%)", _percent),
        "test_top5": Field("Test top-5 (%)", _percent),
        "params": Field("Parameters", amount),
        "macs": Field("MACs (M)", _millions),
        "top1_change": Field("Top-1 change (%)", _signed),
        "params_change": Field("Parameters change (%)", _signed),
        "macs_change": Field("MACs change (%)", _signed),
        "latency_change": Field("Latency change (%)", _signed),
        "latency": Field("Latency (ms)", _hundredths),
        "resolution": Field("Resolution (px)", _whole),
        "exit": Field("Exit", _whole),
        "exits": Field("Exits", _whole),
        "width": Field("Width", _decimal),
        "epoch_seconds": Field("Epoch (s)", _hundredths),
        "turn": Field("Turn", _whole),
        "predicted_error": Field("Predicted error (%)", _percent),
    }
)
"""Known columns in the order they are shown; accuracies and errors are fractions, params and macs counts."""


def written(values: pd.Series, field: Field) -> list[str]:
    """Every value of a column as text; text stays as it is, a missing value becomes a dash."""
    return [MISSING if pd.isna(v) else v if isinstance(v, str) else field.write(v) for v in values]


def descriptions(frame: pd.DataFrame) -> list[str]:
    """What each row says of itself, a line a known column, with the HTML breaks that Plotly's hover takes."""
    columns = [
        [f"{field.title}: {text}" for text in written(frame[name], field)]
        for name, field in FIELDS.items()
        if name in frame
    ]
    return ["<br>".join(lines) for lines in zip(*columns, strict=True)]
