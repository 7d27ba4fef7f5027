"""What the accuracies in a table are called: by the metric that its column `metric` says, or top-1."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from natv2.objectives.metric import METRICS, Metric, metric_of
from natv2.objectives.objectives import ACCURACY, OBJECTIVES, Objective

_MIXED = "accuracy"
"""The word for accuracies of several metrics in one table."""


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
