"""What post-processing did to the networks a search found (thesis, Figure 6.10)."""

import math
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from natv2.objectives.titles import accuracy_word
from natv2.reporting.style import (
    BLACK,
    GREEN,
    GREY,
    PLAIN_MARKER,
    PLAIN_NETWORKS,
    PRETRAINED_MARKER,
    PRETRAINED_NETWORKS,
    VERMILION,
    Axis,
    cost_axis,
    new_figure,
    set_cost_axis,
)
from natv2.reporting.traces import points

METHODS = {
    "none": ("Left as found", "square", GREY),
    "standard": ("Standard method", "circle", GREEN),
    "aep": ("Ensemble of its exits", "diamond", VERMILION),
}
"""What figures call networks that a method leaves, and how they mark them."""


def finished_figure(
    results: pd.DataFrame,
    objective: str = "macs",
    plain: pd.DataFrame | None = None,
    pretrained: pd.DataFrame | None = None,
) -> go.Figure:
    """Test accuracy of networks as found and as finished, against `objective`.

    `results` has a row a finished network: method, test_accuracy_before and test_accuracy, fractions, and
    columns `objective` and `objective`_before; other known columns go into the hover texts. An arrow
    leads from before to after: upwards is more accurate, to the right is what exits taken back cost. `plain`
    networks, with name and test_accuracy, are crosses, `pretrained` ones, where there are any, asterisks.
    """
    axis = cost_axis(objective)
    figure = new_figure("Networks before and after post-processing")
    found = results.drop_duplicates(subset=["test_accuracy_before", f"{objective}_before"])
    marker = _marker("circle-open", BLACK)
    figure.add_trace(points(found, f"{objective}_before", "test_accuracy_before", "As found", marker))
    for method, (name, symbol, colour) in METHODS.items():
        rows = results[results["method"] == method]
        if len(rows):
            marker = _marker(symbol, colour)
            figure.add_trace(points(rows, objective, "test_accuracy", name, marker))
            if method != "none":
                _arrows(figure, rows, objective, axis, colour)
    costs = [results[objective], results[f"{objective}_before"]]
    if plain is not None and objective in plain:
        figure.add_trace(points(plain, objective, "test_accuracy", PLAIN_NETWORKS, PLAIN_MARKER))
        costs.append(plain[objective])
    if pretrained is not None and len(pretrained) and objective in pretrained:
        marker = PRETRAINED_MARKER
        figure.add_trace(points(pretrained, objective, "test_accuracy", PRETRAINED_NETWORKS, marker))
        costs.append(pretrained[objective])
    set_cost_axis(figure, axis, pd.concat(costs).astype(float))
    return figure.update_yaxes(title=f"Test {accuracy_word(results)} (%)")


def _marker(symbol: str, colour: str) -> dict[str, Any]:
    return {"symbol": symbol, "color": colour, "size": 11, "line": {"color": colour, "width": 2}}


def _arrows(figure: go.Figure, rows: pd.DataFrame, objective: str, axis: Axis, colour: str) -> None:
    columns = [objective, f"{objective}_before", "test_accuracy", "test_accuracy_before"]
    for cost, cost_before, after, before in rows[columns].dropna().itertuples(index=False):
        # Annotations, unlike points, take the logarithm where an axis is logarithmic.
        x, ax = (math.log10(c) if axis.logarithmic else c for c in (cost, cost_before))
        figure.add_annotation(
            x=x,
            y=100 * after,
            ax=ax,
            ay=100 * before,
            xref="x",
            yref="y",
            axref="x",
            ayref="y",
            showarrow=True,
            arrowhead=2,
            arrowwidth=1.2,
            arrowcolor=colour,
            opacity=0.7,
            standoff=6,
            startstandoff=6,
        )
