"""What the architectures of an archive look like, turn by turn."""

from collections.abc import Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go
from plotly.colors import sample_colorscale
from plotly.subplots import make_subplots

from natv2.reporting.style import BLACK, style
from natv2.reporting.traces import curve
from natv2.spaces.design import BLOCK_BITS

TITLES: Mapping[str, str] = {
    "depths": "Mean depth of stage",
    "kernels": "Kernel",
    "expand_ratios": "Expand ratio",
    "masks": "Blocks (initials)",
    "exit": "Exit",
    "resolution": "Resolution (px)",
    "width": "Width",
}
"""The columns of an architecture, in the order of their panels."""

_COLUMNS = 2
_HEIGHT, _TOP, _BOTTOM, _GAP = 270, 110, 60, 80  # pixels: of a row, above, below and between the rows


def shares(by_turn: pd.DataFrame, column: str) -> pd.DataFrame:
    """How often each value of `column` is there at the end of each turn: a row a turn, a column a value.

    Values joined by "-" count one by one, without the zeros of what is not there: of kernels, expand ratios
    and masks a share is one of levels, of the others one of architectures. Each row adds up to 1.
    """
    values = by_turn.set_index("at_turn")[column]
    if not pd.api.types.is_numeric_dtype(values):
        values = pd.to_numeric(values.str.split("-").explode())
        values = values[values > 0]
    counts = values.groupby(level=0).value_counts().unstack(fill_value=0)
    return counts.sort_index(axis="columns").div(counts.sum(axis="columns"), axis="index")


def mean_depths(by_turn: pd.DataFrame) -> pd.DataFrame:
    """Mean depth of each stage (columns, from 1) at the end of each turn, among networks that have it."""
    depths = by_turn["depths"].str.split("-", expand=True).astype(float)
    depths.columns = pd.RangeIndex(1, depths.shape[1] + 1)
    return depths.where(depths > 0).groupby(by_turn["at_turn"]).mean()


def architectures_figure(by_turn: pd.DataFrame) -> go.Figure:
    """Mean depths and the shares of kernels, expand ratios, blocks, exits, resolutions and widths by turn.

    `by_turn` has a row for each architecture of the archive at the end of each turn `at_turn`, with the
    columns of TITLES, lists as texts joined by "-". What never varies has no panel.
    """
    tables = {name: shares(by_turn, name) for name in TITLES if name != "depths" and name in by_turn}
    panels = {"depths": _depths(mean_depths(by_turn))}
    panels |= {name: _bars(table, name) for name, table in tables.items() if len(table.columns) > 1}
    rows = -(-len(panels) // _COLUMNS)
    height = rows * _HEIGHT + (rows - 1) * _GAP
    figure = make_subplots(
        rows=rows,
        cols=_COLUMNS,
        subplot_titles=[_key(TITLES[name], traces) for name, traces in panels.items()],
        vertical_spacing=_GAP / height if rows > 1 else 0,
        horizontal_spacing=0.08,
    )
    style(figure, "Architectures of the archive, turn by turn")
    for number, (name, traces) in enumerate(panels.items()):
        place = {"row": number // _COLUMNS + 1, "col": number % _COLUMNS + 1}
        figure.add_traces(traces, rows=place["row"], cols=place["col"])
        if name == "depths":
            figure.update_yaxes(title="Levels", **place)
        else:
            title = "Share" if place["col"] == 1 else None
            figure.update_yaxes(title=title, tickformat=".0%", range=[0, 1], **place)
        if number >= len(panels) - _COLUMNS:  # the lowest of its column
            figure.update_xaxes(title="Search turn", **place)
        # A panel's title stands at its left.
        figure.layout.annotations[number].update(
            x=next(figure.select_xaxes(**place)).domain[0], xanchor="left", align="left", font_size=13
        )
    figure.update_xaxes(tickformat="d")
    if by_turn["at_turn"].nunique() <= 20:
        figure.update_xaxes(dtick=1)
    return figure.update_layout(
        height=height + _TOP + _BOTTOM,
        margin={"t": _TOP, "b": _BOTTOM},
        showlegend=False,
        barmode="stack",
        bargap=0.08,
        hovermode="x unified",
    )


def _depths(table: pd.DataFrame) -> list[go.Scatter]:
    """A line a stage, darker from stage to stage."""
    colours = sample_colorscale("YlGnBu", max(len(table.columns), 2), 0.35, 1)
    turns, stages = table.index.tolist(), zip(table.columns, colours, strict=False)
    lines = [curve(turns, table[s].tolist(), str(s), {"color": c}, "%{y:.2f}") for s, c in stages]
    return [line.update(marker={"size": 5, "color": line.line.color}) for line in lines]


def _bars(table: pd.DataFrame, name: str) -> list[go.Bar]:
    """A bar a turn in pieces, darker the larger the value. Bars: areas would not show a single turn."""
    colours = sample_colorscale("YlGnBu", max(len(table.columns), 2), 0.2, 0.95)
    return [
        go.Bar(
            x=table.index.tolist(),
            y=table[value].tolist(),
            name=_initials(int(value)) if name == "masks" else f"{value:g}",
            marker={"color": colour, "line": {"color": BLACK, "width": 0.3}},
            hovertemplate="%{y:.1%}",
        )
        for value, colour in zip(table.columns, colours, strict=False)
    ]


def _initials(mask: int) -> str:
    return "+".join(block[0].upper() for block, bit in BLOCK_BITS.items() if mask & bit)


def _key(title: str, traces: Sequence[go.Scatter | go.Bar]) -> str:
    """A panel's title with the colours of its traces: legends of several panels get into each other's way."""
    entries = [f'<span style="color:{t.marker.color}">■</span> {t.name}' for t in traces]
    lines = ["   ".join(entries[start : start + 8]) for start in range(0, len(entries), 8)]
    return f"<b>{title}</b>   " + "<br>".join(lines)
