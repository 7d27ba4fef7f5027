"""Which way to refine networks is best (thesis, section 6.3.2)."""

from collections.abc import Hashable, Mapping

import pandas as pd
import plotly.graph_objects as go

from natv2.objectives.metric import said
from natv2.objectives.titles import accuracy_word, metrics_of
from natv2.postprocess.report.figure import METHODS
from natv2.reporting.style import new_figure

WAY = ["method", "exit_weighting", "optimizer", "lr"]
"""What tells one way to refine a network from another."""


def study_table(scores: pd.DataFrame) -> pd.DataFrame:
    """A row a way: means over its networks of accuracy before, after and gained (per cent), best first.

    `scores` has a row a network and way: WAY, accuracy_before and accuracy_after as fractions, epochs.
    `best` marks the way of each method whose networks are the most accurate on average.
    """
    gained = scores.assign(
        before=100 * scores["accuracy_before"],
        after=100 * scores["accuracy_after"],
        gain=100 * (scores["accuracy_after"] - scores["accuracy_before"]),
    )
    groups = gained.groupby(WAY, dropna=False)
    means = groups[["before", "after", "gain", "epochs"]].mean()
    table = pd.concat(
        [groups.size().rename("networks"), means, groups["gain"].std().rename("gain sd")], axis=1
    )
    table = table.sort_values("gain", ascending=False).reset_index()
    table["best"] = table.groupby("method")["gain"].transform("max") == table["gain"]
    (metric,) = metrics_of(scores)
    return table.assign(**said(metric))


def study_figure(table: pd.DataFrame) -> go.Figure:
    """Mean gain of each way as a bar, the standard method's and the ensemble's side by side."""
    figure = new_figure("What each way to refine networks gains")
    for method, (name, _, colour) in METHODS.items():
        rows = table[table["method"] == method]
        if len(rows):
            figure.add_bar(
                y=[name_of_way(row) for row in rows.to_dict("records")],
                x=rows["gain"].tolist(),
                error_x={"array": rows["gain sd"].fillna(0.0).tolist(), "thickness": 1.2},
                name=name,
                marker={"color": colour},
                orientation="h",
                hovertemplate="%{y}: %{x:.2f} points<extra>" + name + "</extra>",
            )
    figure.update_yaxes(autorange="reversed")
    return figure.update_xaxes(
        title=f"Mean gain in validation {accuracy_word(table)} (percentage points)"
    ).update_layout(height=max(360, 22 * len(table) + 140))


def name_of_way(way: Mapping[Hashable, object]) -> str:
    """What figures call a way to refine networks."""
    exit_weighting = f" {way['exit_weighting']}" if way["exit_weighting"] else ""
    return f"{way['method']}{exit_weighting}, {way['optimizer']} {way['lr']:g}"
