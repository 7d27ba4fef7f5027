"""What figures are drawn of: points, lines, steps and bands, alike in all of them."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from natv2.reporting.fields import descriptions
from natv2.reporting.style import percentages


def points(
    networks: pd.DataFrame, x: str, y: str, name: str, marker: Mapping[str, Any], **others: Any
) -> go.Scatter:
    """A marker for each network: column `x`, column `y` (fractions) in per cent, known columns as text."""
    return go.Scatter(
        x=networks[x].tolist(),
        y=percentages(networks[y]),
        name=name,
        mode="markers",
        marker=marker,
        text=descriptions(networks),
        hovertemplate="%{text}<extra>" + name + "</extra>",
        **others,
    )


def curve(
    x: list[Any], y: list[float], name: str, line: Mapping[str, Any], shown: str, **others: Any
) -> go.Scatter:
    """Markers joined by a line; `shown` is the template of their hover texts."""
    line = {"width": 2, **line}
    return go.Scatter(x=x, y=y, name=name, mode="lines+markers", line=line, hovertemplate=shown, **others)


def band(
    x: list[Any], low: list[float], high: list[float], name: str, tint: str, **others: Any
) -> go.Scatter:
    """The area from `low` to `high` over `x`."""
    return go.Scatter(
        x=x + x[::-1],
        y=high + low[::-1],
        name=name,
        mode="none",
        fill="toself",
        fillcolor=tint,
        hoverinfo="skip",
        **others,
    )


def steps(
    front: pd.DataFrame, objective: str, colour: str, width: float, name: str | None = None, **others: Any
) -> go.Scatter:
    """A line over the `staircase` of `front`."""
    best = staircase(front, objective)
    line = {"shape": "hv", "color": colour, "width": width}
    x, y = best[objective].tolist(), percentages(best["accuracy"])
    return go.Scatter(x=x, y=y, name=name, mode="lines", line=line, **others)


def staircase(front: pd.DataFrame, objective: str) -> pd.DataFrame:
    """The rows of `front` that no other beats in both accuracy and `objective`, cheapest first."""
    known = front.dropna(subset=[objective, "accuracy"])
    ordered = known.sort_values([objective, "accuracy"], ascending=[True, False])
    best_before = ordered["accuracy"].astype(float).cummax().shift(fill_value=-math.inf)
    return ordered[ordered["accuracy"] > best_before]
