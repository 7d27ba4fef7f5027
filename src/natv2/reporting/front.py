"""The archive of a search and its front: what accuracy there is to be had at what cost."""

import math
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from natv2.reporting.fields import descriptions
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

_TITLE = "Front of the search"


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
    axis = cost_axis(objective)
    figure = new_figure(_TITLE)
    figure.add_trace(_points(archive, objective, "Archive", {"color": GREY, "size": 6, "opacity": 0.45}))
    if axis.logarithmic:
        steps = staircase(front, objective)
        figure.add_scatter(
            x=steps[objective].tolist(),
            y=percentages(steps["accuracy"]),
            name="Best for the cost",
            mode="lines",
            line={"shape": "hv", "color": BLUE, "width": 1.5},
            hoverinfo="skip",
        )
    figure.add_trace(_points(front, objective, "Front", {"color": BLUE, "size": 9}))
    chosen = front[_high_tradeoff(front)]
    marker = {"color": ORANGE, "size": 14, "symbol": "diamond", "line": {"color": BLACK, "width": 1}}
    figure.add_trace(_points(chosen, objective, "High trade-off", marker))
    if finished is not None and objective in finished:
        after = finished.assign(accuracy=finished["accuracy_after"])
        marker = {"color": VERMILION, "size": 13, "symbol": "star", "line": {"color": BLACK, "width": 1}}
        figure.add_trace(_points(after, objective, "After post-processing", marker))
    named = _labelled(archive if labelled is None else labelled)
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
    set_cost_axis(figure, axis, _costs(archive, front, finished, named, objective))
    return figure.update_yaxes(title=ACCURACY_TITLE)


def front_image(
    archive: pd.DataFrame,
    front: pd.DataFrame,
    finished: pd.DataFrame | None,
    objective: str,
    labelled: pd.DataFrame | None = None,
) -> Figure:
    """What `front_figure` shows, as a Matplotlib figure."""
    axis = cost_axis(objective)
    figure = Figure(figsize=(9, 5.5), dpi=150, layout="constrained")
    plot = figure.add_subplot()
    plot.scatter(
        archive[objective],
        percentages(archive["accuracy"]),
        s=16,
        color=GREY,
        alpha=0.45,
        lw=0,
        label="Archive",
    )
    if axis.logarithmic:
        steps = staircase(front, objective)
        plot.step(
            steps[objective],
            percentages(steps["accuracy"]),
            where="post",
            color=BLUE,
            lw=1.2,
            label="Best for the cost",
        )
    plot.scatter(front[objective], percentages(front["accuracy"]), s=36, color=BLUE, label="Front", zorder=3)
    outlined: dict[str, Any] = {"edgecolors": BLACK, "linewidths": 0.8, "zorder": 4}
    chosen = front[_high_tradeoff(front)]
    plot.scatter(
        chosen[objective],
        percentages(chosen["accuracy"]),
        s=80,
        color=ORANGE,
        marker="D",
        label="High trade-off",
        **outlined,
    )
    if finished is not None and objective in finished:
        plot.scatter(
            finished[objective],
            percentages(finished["accuracy_after"]),
            s=130,
            color=VERMILION,
            marker="*",
            label="After post-processing",
            **outlined,
        )
    named = _labelled(archive if labelled is None else labelled)
    for label, cost, accuracy in named[["label", objective, "accuracy"]].itertuples(index=False):
        plot.scatter([cost], [100 * accuracy], s=70, facecolors="none", marker="s", **outlined)
        plot.annotate(label, (cost, 100 * accuracy), xytext=(0, -18), textcoords="offset points", ha="center")
    plot.set(title=_TITLE, xlabel=axis.title, ylabel=ACCURACY_TITLE)
    if axis.logarithmic:
        ticks, texts = logarithmic_ticks(_costs(archive, front, finished, named, objective))
        plot.set_xscale("log")
        plot.xaxis.set_minor_locator(NullLocator())
        plot.xaxis.set_major_locator(FixedLocator(ticks))
        plot.set_xticks(ticks, texts)
    else:
        plot.xaxis.set_major_locator(MaxNLocator(integer=True))
    plot.grid(alpha=0.3)
    plot.spines[["top", "right"]].set_visible(False)
    plot.legend(frameon=False, fontsize="small")
    return figure


def staircase(front: pd.DataFrame, objective: str) -> pd.DataFrame:
    """The rows of `front` that no other beats in both accuracy and `objective`, cheapest first."""
    known = front.dropna(subset=[objective, "accuracy"])
    ordered = known.sort_values([objective, "accuracy"], ascending=[True, False])
    best_before = ordered["accuracy"].astype(float).cummax().shift(fill_value=-math.inf)
    return ordered[ordered["accuracy"] > best_before]


def _points(frame: pd.DataFrame, objective: str, name: str, marker: dict[str, object]) -> go.Scatter:
    return go.Scatter(
        x=frame[objective].tolist(),
        y=percentages(frame["accuracy"]),
        name=name,
        mode="markers",
        marker=marker,
        text=descriptions(frame),
        hovertemplate="%{text}<extra>" + name + "</extra>",
    )


def _high_tradeoff(front: pd.DataFrame) -> pd.Series:
    return front["high_tradeoff"].eq(True)


def _labelled(archive: pd.DataFrame) -> pd.DataFrame:
    return archive.reindex(columns=[*archive.columns.drop("label", errors="ignore"), "label"]).dropna(
        subset="label"
    )


def _costs(
    archive: pd.DataFrame,
    front: pd.DataFrame,
    finished: pd.DataFrame | None,
    named: pd.DataFrame,
    objective: str,
) -> pd.Series:
    frames = [
        frame for frame in (archive, front, finished, named) if frame is not None and objective in frame
    ]
    return pd.concat([frame[objective].astype(float) for frame in frames])
