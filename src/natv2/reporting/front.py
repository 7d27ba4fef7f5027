"""The archive of a search and its front: what accuracy there is to be had at what cost."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from natv2.reporting.style import (
    ACCURACY_TITLE,
    BLACK,
    BLUE,
    GREY,
    ORANGE,
    VERMILION,
    cost_axis,
    logarithmic_ticks,
    new_figure,
    percentages,
    set_cost_axis,
)
from natv2.reporting.traces import points, staircase, steps

_TITLE = "Front of the search"
_BEST, _NAMED = "Best for the cost", "Named"
_RIM = {"color": BLACK, "width": 1}
_OUTLINE: dict[str, Any] = {"edgecolors": BLACK, "linewidths": 0.8, "zorder": 4}
_MARKS: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "Archive": (
        {"color": GREY, "size": 6, "opacity": 0.45},
        {"color": GREY, "s": 16, "alpha": 0.45, "lw": 0},
    ),
    "Front": ({"color": BLUE, "size": 9}, {"color": BLUE, "s": 36, "zorder": 3}),
    "High trade-off": (
        {"color": ORANGE, "size": 14, "symbol": "diamond", "line": _RIM},
        {"color": ORANGE, "s": 80, "marker": "D", **_OUTLINE},
    ),
    "After post-processing": (
        {"color": VERMILION, "size": 13, "symbol": "star", "line": _RIM},
        {"color": VERMILION, "s": 130, "marker": "*", **_OUTLINE},
    ),
}
"""How networks are marked by Plotly, whose sizes are lengths, and by Matplotlib, whose sizes are areas."""


def front_figure(
    archive: pd.DataFrame,
    front: pd.DataFrame,
    finished: pd.DataFrame | None,
    objective: str,
    labelled: pd.DataFrame | None = None,
) -> go.Figure:
    """The archive and its front: validation top-1 against `objective` (params, macs, or turn).

    A row is a network. `archive` and `front` have accuracy (a fraction) and the column
    `objective`, `front` also high_tradeoff (boolean); other known columns go into the hover
    texts. The rows of `labelled`, by default of `archive`, with a text in the optional column `label`
    (such as largest, smallest) are marked with it. `finished` has accuracy_after, its validation accuracy,
    in place of accuracy; it is left out where it has no column `objective`. The step line joins what is
    non-dominated in these two dimensions; with more objectives some of the front lies below it. Raises
    ValueError on any other objective.
    """
    figure = new_figure(_TITLE)
    layers = _layers(archive, front, finished, objective, labelled)
    for name, networks in layers.items():
        if name == _BEST:
            figure.add_trace(steps(networks, objective, BLUE, 1.5, name, hoverinfo="skip"))
        elif name != _NAMED:
            figure.add_trace(points(networks, objective, "accuracy", name, _MARKS[name][0]))
    named = layers[_NAMED]
    figure.add_scatter(
        x=named[objective].tolist(),
        y=percentages(named["accuracy"]),
        text=named["label"].tolist(),
        mode="markers+text",
        marker={"symbol": "square-open", "size": 12, "color": BLACK, "line": {"width": 1.5}},
        textposition="bottom center",
        showlegend=False,
        hoverinfo="skip",
    )
    set_cost_axis(figure, cost_axis(objective), _costs(layers, objective))
    return figure.update_yaxes(title=ACCURACY_TITLE)


def front_image(
    archive: pd.DataFrame,
    front: pd.DataFrame,
    finished: pd.DataFrame | None,
    objective: str,
    labelled: pd.DataFrame | None = None,
) -> Figure:
    """What `front_figure` shows, as a Matplotlib figure."""
    figure = Figure(figsize=(9, 5.5), dpi=150, layout="constrained")
    plot = figure.add_subplot()
    layers = _layers(archive, front, finished, objective, labelled)
    for name, networks in layers.items():
        x, y = networks[objective], percentages(networks["accuracy"])
        if name == _BEST:
            plot.step(x, y, where="post", color=BLUE, lw=1.2, label=name)
        elif name == _NAMED:
            for label, cost, top1 in zip(networks["label"], x, y, strict=True):
                plot.scatter([cost], [top1], s=70, facecolors="none", marker="s", **_OUTLINE)
                plot.annotate(label, (cost, top1), xytext=(0, -18), textcoords="offset points", ha="center")
        else:
            plot.scatter(x, y, label=name, **_MARKS[name][1])
    plot.set(title=_TITLE, ylabel=ACCURACY_TITLE)
    _set_image_axis(plot, objective, _costs(layers, objective))
    plot.grid(alpha=0.3)
    plot.spines[["top", "right"]].set_visible(False)
    plot.legend(frameon=False, fontsize="small")
    return figure


def _layers(
    archive: pd.DataFrame,
    front: pd.DataFrame,
    finished: pd.DataFrame | None,
    objective: str,
    labelled: pd.DataFrame | None,
) -> dict[str, pd.DataFrame]:
    """What is drawn, from the lowest to the uppermost, each by its name in the legend."""
    layers = {"Archive": archive}
    if cost_axis(objective).logarithmic:
        layers[_BEST] = staircase(front, objective)
    layers |= {"Front": front, "High trade-off": front[front["high_tradeoff"].eq(True)]}
    if finished is not None and objective in finished:
        layers["After post-processing"] = finished.assign(accuracy=finished["accuracy_after"])
    named = archive if labelled is None else labelled
    layers[_NAMED] = named.dropna(subset="label") if "label" in named else named[:0].assign(label="")
    return layers


def _costs(layers: Mapping[str, pd.DataFrame], objective: str) -> pd.Series:
    return pd.concat([networks[objective].astype(float) for networks in layers.values()])


def _set_image_axis(plot: Axes, objective: str, values: pd.Series) -> None:
    """What `set_cost_axis` does, for Matplotlib."""
    axis = cost_axis(objective)
    plot.set(xlabel=axis.title)
    if axis.logarithmic:
        ticks, texts = logarithmic_ticks(values)
        plot.set_xscale("log")
        plot.xaxis.set_minor_locator(NullLocator())
        plot.xaxis.set_major_locator(FixedLocator(ticks))
        plot.set_xticks(ticks, texts)
    else:
        plot.xaxis.set_major_locator(MaxNLocator(integer=True))
