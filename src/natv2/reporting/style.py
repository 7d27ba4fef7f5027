"""What all figures share: colours, layout, axes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import pandas as pd
import plotly.graph_objects as go

from natv2.objectives.objectives import ACCURACY, OBJECTIVES, others
from natv2.objectives.titles import titled
from natv2.reporting.fields import amount

# Okabe and Ito's palette, told apart by colour-blind readers too.
GREY, BLUE, ORANGE, GREEN = "#8c8c8c", "#0072b2", "#e69f00", "#009e73"
VERMILION, PURPLE, SKY, BLACK = "#d55e00", "#cc79a7", "#56b4e9", "#222222"
SPLIT_COLOURS: Mapping[str, str] = {"train": BLUE, "valid": ORANGE, "test": GREEN}
SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)

PLAIN_NETWORKS = "Plain networks"
PLAIN_MARKER = {"symbol": "x-thin", "size": 10, "line": {"color": BLACK, "width": 2}}
PRETRAINED_NETWORKS = "Fine-tuned from ImageNet"
PRETRAINED_MARKER = {"symbol": "asterisk", "size": 10, "line": {"color": PURPLE, "width": 2}}

Image: TypeAlias = Any
"""A Matplotlib figure. Its type has no name here, since half a second of loading comes with it."""


@dataclass(frozen=True)
class Axis:
    """What a network is charged with: the title of its axis, and whether that is logarithmic."""

    title: str
    logarithmic: bool = True


_TURN = Axis("Search turn", logarithmic=False)


def cost_axis(name: str) -> Axis:
    """The axis for an objective beside accuracy, or for "turn". Raises ValueError on any other name."""
    if name == "turn":
        return _TURN
    costs = others(tuple(OBJECTIVES))
    if name not in costs:
        raise ValueError(f"no axis for {name!r}; known: {', '.join([*costs, 'turn'])}")
    return Axis(OBJECTIVES[name].axis)


def accuracy_title(networks: pd.DataFrame) -> str:
    """The title of the axis of their validation accuracy."""
    return titled(networks)[ACCURACY].axis


def logarithmic_ticks(values: pd.Series) -> tuple[list[float], list[str]]:
    """Round numbers over the range of `values` and their texts.

    What is missing or not above zero has no place on the axis: a noisy machine's latencies may be below.
    """
    from matplotlib.ticker import LogLocator, MaxNLocator  # half a second that only drawing needs

    known = values[values > 0]
    if known.empty:
        return [], []
    low, high = float(known.min()) * 0.95, float(known.max()) * 1.05
    # Over less than a decade 1, 2, 5 are too few, and evenly spaced numbers are near enough.
    locator = LogLocator(subs=(1, 2, 5), numticks=15) if high > 10 * low else MaxNLocator(6)
    ticks = [float(tick) for tick in locator.tick_values(low, high) if low <= tick <= high]
    return ticks, [amount(tick) for tick in ticks]


def new_figure(title: str) -> go.Figure:
    """An empty Plotly figure in the house's style."""
    return style(go.Figure(), title)


def style(figure: go.Figure, title: str) -> go.Figure:
    """`figure`, with the house's style and `title`."""
    return figure.update_layout(
        title=title,
        template="plotly_white",
        colorway=SERIES,
        font_size=13,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "right", "x": 1},
        margin={"l": 70, "r": 30, "t": 100, "b": 60},
        hoverlabel_align="left",
    )


def set_cost_axis(figure: go.Figure, axis: Axis, values: pd.Series) -> None:
    """Give `figure` the x axis `axis`, with ticks for `values`."""
    if axis.logarithmic:
        ticks, texts = logarithmic_ticks(values)
        figure.update_xaxes(title=axis.title, type="log", tickvals=ticks, ticktext=texts)
    else:
        figure.update_xaxes(title=axis.title, tickformat="d")


def percentages(fractions: pd.Series) -> list[float]:
    """Fractions as percentages; what is missing stays NaN, which figures leave out."""
    # A list: Plotly 6 writes arrays in a form that older viewers of its JSON cannot read.
    return [100 * float(value) for value in fractions]
