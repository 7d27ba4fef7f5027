"""The archive of a search and its front: what accuracy there is to be had at what cost."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from natv2.reporting.style import (
    BLACK,
    BLUE,
    GREY,
    ORANGE,
    PLAIN_MARKER,
    PLAIN_NETWORKS,
    PRETRAINED_MARKER,
    PRETRAINED_NETWORKS,
    PURPLE,
    VERMILION,
    Image,
    accuracy_title,
    cost_axis,
    new_figure,
    percentages,
    set_cost_axis,
)
from natv2.reporting.traces import points, steps

_TITLE = "Front of the search"
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
    PLAIN_NETWORKS: (PLAIN_MARKER, {"color": BLACK, "s": 60, "marker": "x", "zorder": 4}),
    PRETRAINED_NETWORKS: (PRETRAINED_MARKER, {"color": PURPLE, "s": 60, "marker": (6, 2), "zorder": 4}),
}
"""How networks are marked by Plotly, whose sizes are lengths, and by Matplotlib, whose sizes are areas."""


def front_figure(
    archive: pd.DataFrame,
    front: pd.DataFrame,
    finished: pd.DataFrame | None,
    objective: str,
    labelled: pd.DataFrame | None = None,
    plain: pd.DataFrame | None = None,
    pretrained: pd.DataFrame | None = None,
) -> go.Figure:
    """The archive and its front: validation accuracy against `objective` (params, macs, or turn).

    A row is a network. `archive` and `front` have accuracy (a fraction) and the column
    `objective`, `front` also high_tradeoff (boolean); other known columns go into the hover
    texts. The rows of `labelled`, by default of `archive`, with a text in the optional column `label`
    (such as largest, smallest) are marked with it. `finished` has accuracy_after, its validation accuracy,
    in place of accuracy; it is left out where it has no column `objective`. `plain` networks, with names and
    valid_accuracy in place of accuracy, are crosses, `pretrained` ones, where there are any, asterisks. The
    step line joins what is non-dominated in these two dimensions, another one what is among the networks with
    one exit, where others of the archive have several (column `kept`); with more objectives some of the front
    lies below it. Raises ValueError on any other objective.
    """
    axis = cost_axis(objective)
    figure = new_figure(_TITLE)
    layers = {"Archive": archive, "Front": front, "High trade-off": front[front["high_tradeoff"].eq(True)]}
    if finished is not None and objective in finished:
        layers["After post-processing"] = finished.assign(accuracy=finished["accuracy_after"])
    if plain is not None and objective in plain:
        layers[PLAIN_NETWORKS] = plain.assign(accuracy=plain["valid_accuracy"])
    if pretrained is not None and len(pretrained) and objective in pretrained:
        layers[PRETRAINED_NETWORKS] = pretrained.assign(accuracy=pretrained["valid_accuracy"])
    for name, networks in layers.items():
        figure.add_trace(points(networks, objective, "accuracy", name, _MARKS[name][0]))
        if name == "Archive" and axis.logarithmic and "kept" in archive:
            alone = archive[~archive["kept"].astype(str).str.contains("-")]
            label = "Best of those with one exit"
            figure.add_trace(steps(alone, objective, GREY, 1.5, label, hoverinfo="skip"))
        if name == "Archive" and axis.logarithmic:
            figure.add_trace(steps(front, objective, BLUE, 1.5, "Best for the cost", hoverinfo="skip"))
    named = archive if labelled is None else labelled
    named = named.dropna(subset="label") if "label" in named else named[:0].assign(label="")
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
    shown = [networks[objective].astype(float) for networks in (*layers.values(), named)]
    set_cost_axis(figure, axis, pd.concat(shown))
    return figure.update_yaxes(title=accuracy_title(archive))


def front_image(front: go.Figure) -> Image:
    """What a `front_figure` shows, as a Matplotlib figure."""
    from matplotlib.figure import Figure  # half a second that only drawing needs
    from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

    image = Figure(figsize=(9, 5.5), dpi=150, layout="constrained")
    plot = image.add_subplot()
    for trace in front.data:
        if trace.mode == "lines":
            plot.step(trace.x, trace.y, where="post", color=trace.line.color, lw=1.2, label=trace.name)
        elif trace.mode == "markers":
            plot.scatter(trace.x, trace.y, label=trace.name, **_MARKS[trace.name][1])
        else:
            for label, cost, top1 in zip(trace.text, trace.x, trace.y, strict=True):
                plot.scatter([cost], [top1], s=70, facecolors="none", marker="s", **_OUTLINE)
                plot.annotate(label, (cost, top1), xytext=(0, -18), textcoords="offset points", ha="center")
    axis = front.layout.xaxis
    plot.set(title=_TITLE, xlabel=axis.title.text, ylabel=front.layout.yaxis.title.text)
    if axis.type == "log":
        plot.set_xscale("log")
        plot.xaxis.set_minor_locator(NullLocator())
        plot.xaxis.set_major_locator(FixedLocator(axis.tickvals))
        plot.set_xticks(axis.tickvals, axis.ticktext)
    else:
        plot.xaxis.set_major_locator(MaxNLocator(integer=True))
    plot.grid(alpha=0.3)
    plot.spines[["top", "right"]].set_visible(False)
    # "best" would be looked for among all points, and warned of where that takes long.
    plot.legend(frameon=False, fontsize="small", loc="lower right")
    return image
