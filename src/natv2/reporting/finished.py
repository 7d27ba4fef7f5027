"""What post-processing did to the networks a search found (thesis, Figure 6.10)."""

import math

import pandas as pd
import plotly.graph_objects as go

from natv2.reporting.fields import descriptions
from natv2.reporting.style import (
    BLACK,
    BLUE,
    GREY,
    VERMILION,
    cost_axis,
    new_figure,
    percentages,
    set_cost_axis,
)


def finished_figure(results: pd.DataFrame, objective: str = "macs") -> go.Figure:
    """Top-1 before and after post-processing, and on the test images, against `objective`.

    `results` has a row a network: accuracy_before and accuracy_after (validation), test_accuracy,
    all fractions, missing where not known, and the column `objective`, params or macs; other
    columns of FIELDS go into the hover texts. An arrow leads from before to after.
    """
    axis = cost_axis(objective)
    figure = new_figure("Networks before and after post-processing")
    hover = descriptions(results)
    for column, name, symbol, colour in (
        ("accuracy_before", "Validation, before", "circle-open", GREY),
        ("accuracy_after", "Validation, after", "circle", BLUE),
        ("test_accuracy", "Test, after", "star", VERMILION),
    ):
        figure.add_scatter(
            x=results[objective].tolist(),
            y=percentages(results[column]),
            name=name,
            mode="markers",
            marker={"symbol": symbol, "color": colour, "size": 11, "line": {"color": colour, "width": 2}},
            text=hover,
            hovertemplate="%{text}<extra>" + name + "</extra>",
        )
    known = results.dropna(subset=[objective, "accuracy_before", "accuracy_after"])
    for cost, before, after in known[[objective, "accuracy_before", "accuracy_after"]].itertuples(
        index=False
    ):
        # Annotations, unlike points, take the logarithm where an axis is logarithmic.
        x = math.log10(cost) if axis.logarithmic else cost
        figure.add_annotation(
            x=x,
            y=100 * after,
            ax=x,
            ay=100 * before,
            xref="x",
            yref="y",
            axref="x",
            ayref="y",
            showarrow=True,
            arrowhead=2,
            arrowwidth=1.2,
            arrowcolor=BLACK,
            opacity=0.6,
            standoff=6,
            startstandoff=6,
        )
    set_cost_axis(figure, axis, results[objective].astype(float))
    return figure.update_yaxes(title="Top-1 (%)")
