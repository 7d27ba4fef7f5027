"""What pruned ensembles of exits gain in accuracy and pay for it, in per cent (thesis, Figure 4.2)."""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from natv2.objectives.objectives import OBJECTIVES
from natv2.reporting.fields import MISSING
from natv2.reporting.style import BLACK, GREY, SERIES, style

_COSTS = {name: OBJECTIVES[name].title for name in ("params", "macs", "latency")}
_SYMBOLS = {"DESC": "triangle-down", "ASC": "triangle-up", "MIX": "diamond", "UNIF": "circle"}
_BASELINE = "cross-thin"
_SIZE = 13


def trade_offs_figure(points: pd.DataFrame) -> go.Figure:
    """Change of test top-1 against that of parameters, of MACs and of latency, a panel each.

    `points` has a row for each scenario, weighting and variant: scenario, series (what tables call it),
    weights, extras, variant ('ensemble' or 'pruned'), pairs (how many were averaged), and test_top1, params,
    macs, latency as percentage changes against the single-exit network, which is where the zero lines cross.
    """
    figure = make_subplots(rows=1, cols=len(_COSTS), shared_yaxes=True, horizontal_spacing=0.035)
    scenarios = list(dict.fromkeys(points["scenario"]))
    for column, cost in enumerate(_COSTS, start=1):
        figure.add_trace(_mark([0], [0], BLACK, _BASELINE, "Single-exit network"), row=1, col=column)
        known = points.dropna(subset=["test_top1", cost])
        for scenario, colour in zip(scenarios, SERIES * len(scenarios), strict=False):
            shown = known[known["scenario"] == scenario]
            figure.add_trace(_points(shown, scenario, colour, cost), row=1, col=column)
        figure.update_xaxes(title=f"Change of {_lower(_COSTS[cost])} (%)", row=1, col=column)
    for scenario, colour in zip(scenarios, SERIES * len(scenarios), strict=False):
        # A panel may have no point of a scenario, so none of them can speak for it in the legend.
        figure.add_trace(_mark([None], [None], colour, "circle", scenario, legend="legend"))
    figure.add_traces(list(_keys(points)))
    figure.update_xaxes(zeroline=True, zerolinecolor=GREY, zerolinewidth=1.5)
    figure.update_yaxes(zeroline=True, zerolinecolor=GREY, zerolinewidth=1.5)
    figure.update_yaxes(title="Change of test top-1 (%)", col=1)
    title = "Ensembles of exits against single-exit networks"
    figure = style(figure, title if scenarios else f"{title}: there are none yet")
    beside = {"orientation": "v", "x": 1.01, "xanchor": "left", "yanchor": "top", "tracegroupgap": 0}
    return figure.update_layout(
        height=520,
        margin={"t": 70},
        legend={**beside, "y": 1, "title": "Scenario"},
        # What a symbol means is nothing that can be hidden.
        legend2={**beside, "y": 0.5, "title": "Symbol", "itemclick": False, "itemdoubleclick": False},
    )


def _points(points: pd.DataFrame, scenario: str, colour: str, cost: str) -> go.Scatter:
    """The points of one scenario in the panel of `cost`; its entry in the legend is that of all panels."""
    rows = points.to_dict("records")
    trace = _mark(points[cost].tolist(), points["test_top1"].tolist(), colour, "circle", scenario)
    return trace.update(
        marker_symbol=[_symbol(row["weights"], row["variant"], row["extras"]) for row in rows],
        text=[_text(row) for row in rows],
        hovertemplate="%{text}<extra></extra>",
    )


def _keys(points: pd.DataFrame) -> Iterator[go.Scatter]:
    """What the second legend says of symbols: of the weights, variants and extras that there are."""
    used = set(points["weights"])
    keys = {weights: _symbol(weights, "pruned", "") for weights in _SYMBOLS if weights in used}
    if keys:
        keys |= {"pruned (*)": "square", "full ensemble": "square-open"}
    if points["extras"].ne("").any():
        # The dot tells only that there is more to it; the hover text says what.
        keys["with extras"] = "square-dot"
    if keys:
        keys["single exit"] = _BASELINE
    for name, symbol in keys.items():
        yield _mark([None], [None], BLACK, symbol, name, legend="legend2")


def _mark(
    x: list[Any], y: list[Any], colour: str, symbol: str, name: str, *, legend: str | None = None
) -> go.Scatter:
    """Markers at `x` and `y`, not in a legend unless one is named."""
    return go.Scatter(
        x=x,
        y=y,
        mode="markers",
        marker={
            "color": colour,
            "symbol": symbol,
            "size": _SIZE,
            # Of filled symbols the rim and the dot, of a thin cross all there is.
            "line": {"color": colour if symbol == _BASELINE else "white", "width": 1.5},
        },
        name=name,
        legendgroup=name,
        legend=legend,
        showlegend=legend is not None,
        hovertemplate="%{fullData.name}<extra></extra>",
    )


def _symbol(weights: str, variant: str, extras: str) -> str:
    """Shape by weights, open for what is not pruned, with a dot for what is not the thesis's own."""
    return _SYMBOLS[weights] + ("" if variant == "pruned" else "-open") + ("-dot" if extras else "")


def _lower(title: str) -> str:
    """A title within a sentence: MACs stay MACs."""
    return title if title[1:2].isupper() else title.lower()


def _text(row: Mapping[Hashable, Any]) -> str:
    """What a point says of itself: which it is, its four changes, and of how many pairs they are averages."""
    changes = {"top-1": row["test_top1"], **{_lower(name): row[cost] for cost, name in _COSTS.items()}}
    lines = [
        f"{name}: {MISSING if pd.isna(change) else f'{change:+.2f} %'}" for name, change in changes.items()
    ]
    several = f"average of {row['pairs']} pairs of a network and a data set"
    pairs = several if row["pairs"] != 1 else "one network on one data set"
    return "<br>".join([f"<b>{row['series']}, {row['scenario']}</b>", *lines, pairs])
