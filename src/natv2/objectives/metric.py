"""What a run calls accuracy: top-1, or macro accuracy, in which every class counts alike.

Accuracies are top-1 unless what has them says otherwise: a table by its column `metric`, a summary and a
network's record by an entry of this name. So whatever names an accuracy asks the thing that has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

import pandas as pd

from natv2.objectives.objectives import ACCURACY, OBJECTIVES, Objective

Metric = Literal["top1", "macro"]

MACRO_ACCURACY = "macro_accuracy"


@dataclass(frozen=True, kw_only=True)
class MetricRow:
    """What people read of accuracies by a metric, and the objective that has this name at all times."""

    word: str
    objective: str


METRICS: Mapping[Metric, MetricRow] = MappingProxyType(
    {
        "top1": MetricRow(word="top-1", objective=ACCURACY),
        "macro": MetricRow(word="macro accuracy", objective=MACRO_ACCURACY),
    }
)

_MIXED = "accuracy"
"""The word for accuracies of several metrics in one table."""


def said(metric: Metric) -> dict[str, Metric]:
    """What tables, summaries and records have beside accuracies by `metric`: nothing for top-1."""
    return {} if metric == "top1" else {"metric": metric}


def metric_of(what: Mapping[Any, Any] | pd.Series) -> Metric:
    """The metric of the accuracies in a row, a summary or a record."""
    found = what.get("metric")
    return next((metric for metric in METRICS if metric == found), "top1")


def metrics_of(table: pd.DataFrame) -> list[Metric]:
    """The metrics of the accuracies in `table`, each once: top-1 alone where it has no rows."""
    rows = table[["metric"]].drop_duplicates().to_dict("records") if "metric" in table else []
    return list(dict.fromkeys(metric_of(row) for row in rows)) or ["top1"]


def of_metric(table: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """The rows of `table`, of many runs, whose accuracies are by the metric of `like`, of one run."""
    (metric,) = metrics_of(like)
    own = table.get("metric", pd.Series("top1", table.index)).fillna("top1")
    rows: pd.DataFrame = table[own == metric]
    return rows


def accuracy_word(table: pd.DataFrame) -> str:
    """What the accuracies in `table` are called: top-1, macro accuracy, or accuracy where there are both."""
    found = metrics_of(table)
    return METRICS[found[0]].word if len(found) == 1 else _MIXED


def titled(table: pd.DataFrame) -> Mapping[str, Objective]:
    """All objectives as `table` has them: accuracy with the title of its metric."""
    found = metrics_of(table)
    row = OBJECTIVES[METRICS[found[0]].objective]
    if len(found) > 1:
        title = f"Validation {_MIXED}"
        row = replace(OBJECTIVES[ACCURACY], title=title, axis=f"{title} ({row.unit})")
    return {**OBJECTIVES, ACCURACY: row}


def named_objectives(what: Mapping[Any, Any]) -> list[str]:
    """The objectives of a summary, accuracy by the name that it has in searches by any metric.

    So searches by different metrics are not after the same.
    """
    own = METRICS[metric_of(what)].objective
    return [own if name == ACCURACY else name for name in what["objectives"]]
