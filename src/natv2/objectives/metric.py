"""What a run calls accuracy: top-1, or macro accuracy, in which every class counts alike.

Accuracies are top-1 unless what has them says otherwise: a table by its column `metric`, a summary and a
network's record by an entry of this name. So whatever names an accuracy asks the thing that has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

Metric = Literal["top1", "macro"]

MACRO_ACCURACY = "macro_accuracy"


@dataclass(frozen=True, kw_only=True)
class MetricRow:
    """What people read of accuracies by a metric, and the objective that has this name at all times."""

    word: str
    objective: str


METRICS: Mapping[Metric, MetricRow] = MappingProxyType(
    {
        "top1": MetricRow(word="top-1", objective="accuracy"),
        "macro": MetricRow(word="macro accuracy", objective=MACRO_ACCURACY),
    }
)


def said(metric: Metric) -> dict[str, Metric]:
    """What tables, summaries and records have beside accuracies by `metric`: nothing for top-1."""
    return {} if metric == "top1" else {"metric": metric}


def metric_of(what: Mapping[Any, Any]) -> Metric:
    """The metric of the accuracies in a row, a summary or a record."""
    found = what.get("metric")
    return next((metric for metric in METRICS if metric == found), "top1")


def named_objectives(what: Mapping[Any, Any]) -> list[str]:
    """The objectives of a summary, accuracy by the name that it has in searches by any metric.

    So searches by different metrics are not after the same.
    """
    usual, own = METRICS["top1"].objective, METRICS[metric_of(what)].objective
    return [own if name == usual else name for name in what["objectives"]]
