"""A data set at a glance: counts of its classes and a sheet of examples."""

from functools import cache
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from natv2.images.listing import SPLITS
from natv2.images.look import ImageReport
from natv2.reporting.style import SPLIT_COLOURS, Image, new_figure

_MOST_ROWS = 20  # classes on a contact sheet
_PIXELS = 64  # of an example's side on a contact sheet


def counts_table(report: ImageReport) -> pd.DataFrame:
    """Images of each class: columns class, train, valid, test, in the order of the labels."""
    rows = [{"class": name, **counts} for name, counts in report.counts.items()]
    return pd.DataFrame(rows, columns=["class", *SPLITS])


def counts_figure(report: ImageReport) -> go.Figure:
    """Bars of images per class, a colour for each split; the most frequent class first."""
    table = counts_table(report)
    table = table.iloc[table[list(SPLITS)].sum(axis=1).argsort()[::-1]]
    figure = new_figure(f"{report.name}: images of each class")
    for split, colour in SPLIT_COLOURS.items():
        # Plotly takes <b> and the like in a name for markup.
        figure.add_bar(
            x=[escape(name) for name in table["class"]],
            y=table[split].tolist(),
            name=split,
            marker_color=colour,
        )
    return figure.update_layout(barmode="stack").update_yaxes(title="Images").update_xaxes(type="category")


def examples(index: pd.DataFrame, label: int, count: int, split: str = "train") -> NDArray[np.int64]:
    """Rows of `count` images of a class, or fewer, spread evenly over those of `split`."""
    rows = index.index[(index["label"] == label) & (index["split"] == split)].to_numpy(dtype=np.int64)
    return rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)] if len(rows) else rows


def contact_sheet(
    index: pd.DataFrame, pixels: NDArray[np.uint8], class_names: tuple[str, ...], columns: int = 10
) -> Image:
    """Training examples, a row for each class (the first 20, if there are more).

    `pixels` are uint8 (N, H, W, 3); `index` has a row for each with its label and split.
    """
    from matplotlib.figure import Figure  # half a second that only drawing needs

    shown = class_names[:_MOST_ROWS]
    figure = Figure(figsize=(0.7 * columns + 2, 0.7 * len(shown) + 0.4), layout="constrained")
    axes = figure.subplots(len(shown), columns, squeeze=False)
    for label, name in enumerate(shown):
        rows = examples(index, label, columns)
        for place, axis in enumerate(axes[label]):
            axis.set_axis_off()
            if place < len(rows):
                step = max(1, max(pixels.shape[1:3]) // _PIXELS)
                axis.imshow(pixels[rows[place]][::step, ::step])
        axes[label][0].text(
            -0.1,
            0.5,
            _printable(name),
            transform=axes[label][0].transAxes,
            ha="right",
            va="center",
            fontsize=8,
            parse_math=False,
        )
    if len(shown) < len(class_names):
        figure.supxlabel(f"{len(class_names) - len(shown)} more classes are not shown", fontsize=9)
    return figure


def _printable(name: str) -> str:
    """`name`, cut to 24 characters, with a box for each that the figure's font does not have."""
    short = name if len(name) <= 24 else f"{name[:23]}…"
    return "".join(letter if ord(letter) in _letters() else "□" for letter in short)


@cache
def _letters() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset(get_font(findfont(FontProperties())).get_charmap())
