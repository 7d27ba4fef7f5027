"""How the front of a search moved from turn to turn."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from natv2.reporting.fields import descriptions
from natv2.reporting.style import (
    BLACK,
    BLUE,
    ORANGE,
    accuracy_title,
    cost_axis,
    new_figure,
    percentages,
    set_cost_axis,
)
from natv2.reporting.traces import band, curve, points, steps

# From light to dark, as time goes on; the very ends are too pale, or as dark as the last front.
_SCALE = [[place / 10, colour] for place, colour in enumerate(sample_colorscale("YlGnBu", 11, 0.25, 0.85))]
_NO_SIDES: Mapping[str, str] = {}
_QUANTILES = (0, 0.25, 0.5, 0.75, 1)
_TINTS = {"All": "rgba(0, 114, 178, 0.12)", "Middle half": "rgba(0, 114, 178, 0.25)"}


def fronts_figure(by_turn: pd.DataFrame, objective: str) -> go.Figure:
    """The front at the end of each turn against `objective`, the last one strong; by turn, the accuracies.

    `by_turn` has a row for each architecture of the archive at the end of each turn `at_turn` (0: the
    initial archive): accuracy (a fraction), non_dominated, high_tradeoff, label, and the column `objective`
    (but for "turn"); other known columns go into the hover texts. The lines join what is non-dominated
    in these two dimensions. Raises ValueError on an objective that has no axis.
    """
    axis = cost_axis(objective)
    if not axis.logarithmic:
        return _accuracies(by_turn)
    figure = new_figure("Fronts of the search, turn by turn")
    turns = sorted(by_turn["at_turn"].unique())
    fronts = by_turn[by_turn["non_dominated"].eq(True)]
    for turn, colour in zip(turns[:-1], _colours(turns[:-1]), strict=True):
        name, front = f"Turn {turn}", fronts[fronts["at_turn"] == turn]
        shown = name + ": %{y:.2f} %<extra></extra>"
        line = steps(front, objective, colour, 1.3, name, showlegend=False, hovertemplate=shown)
        figure.add_trace(line)
    last = fronts[fronts["at_turn"] == turns[-1]] if turns else fronts
    _add_last(figure, last, objective, turns)
    # Nothing is cheaper than the smallest network, nor below the largest.
    _add_extremes(figure, extremes(by_turn), objective, {"smallest": "middle left"})
    if len(turns) > 2:
        figure.add_trace(_colour_bar(turns[:-1]))
    costs = by_turn[objective].astype(float)
    set_cost_axis(figure, axis, costs)
    if not costs.empty:
        low, high = math.log10(costs.min()), math.log10(costs.max())
        room = 0.1 * (high - low or 1)  # for the label of the smallest network
        figure.update_xaxes(range=[low - room, high + room])
    return figure.update_yaxes(title=accuracy_title(by_turn))


def extremes(by_turn: pd.DataFrame) -> pd.DataFrame:
    """The supernet's largest and smallest network as they were evaluated last, `label` saying when.

    They have no privileges in an archive: a turn may drop them, and what later turns would make of them
    is not known. `by_turn` is as for `fronts_figure`.
    """
    if "label" not in by_turn:
        return by_turn.iloc[:0].assign(label=pd.Series(dtype=str))
    labelled = by_turn.dropna(subset="label").sort_values("at_turn", kind="stable")
    known = labelled.drop_duplicates("label", keep="last")
    dropped = known["at_turn"] < by_turn["at_turn"].max()
    return known.assign(
        label=known["label"].where(~dropped, known["label"] + ", turn " + known["at_turn"].astype(str))
    )


def _add_last(figure: go.Figure, last: pd.DataFrame, objective: str, turns: list[int]) -> None:
    name = f"Front of turn {turns[-1]}" if turns else "Front"
    line = steps(last, objective, BLACK, 2, legendgroup=name, showlegend=False, hoverinfo="skip")
    figure.add_trace(line)
    chosen = last[last["high_tradeoff"].eq(True)]
    outlined = {"color": ORANGE, "size": 14, "symbol": "diamond", "line": {"color": BLACK, "width": 1}}
    for frame, title, marker in (
        (last, name, {"color": BLACK, "size": 7}),
        (chosen, "High trade-off", outlined),
    ):
        figure.add_trace(points(frame, objective, "accuracy", title, marker, legendgroup=title))


def _add_extremes(
    figure: go.Figure, networks: pd.DataFrame, objective: str, sides: Mapping[str, str] = _NO_SIDES
) -> None:
    figure.add_scatter(
        x=networks[objective].tolist(),
        y=percentages(networks["accuracy"]),
        name="Largest and smallest network",
        mode="markers+text",
        marker={"symbol": "square-open", "size": 12, "color": BLACK, "line": {"width": 2}},
        text=networks["label"].tolist(),
        textposition=[sides.get(label.split(",")[0], "bottom center") for label in networks["label"]],
        cliponaxis=False,
        showlegend=not networks.empty,
        customdata=descriptions(networks),
        hovertemplate="%{customdata}<extra>%{text}</extra>",
    )


def _colours(turns: list[int]) -> list[str]:
    places = [number / max(len(turns) - 1, 1) for number in range(len(turns))]
    return list(sample_colorscale(_SCALE, places)) if turns else []


def _colour_bar(turns: list[int]) -> go.Scatter:
    """What tells the colours of the turns: points that are nowhere, for a legend would have a row a turn."""
    return go.Scatter(
        x=[None],
        y=[None],
        mode="markers",
        showlegend=False,
        hoverinfo="skip",
        marker={
            "color": [turns[0]],
            "cmin": turns[0],
            "cmax": turns[-1],
            "colorscale": _SCALE,
            "showscale": True,
            "colorbar": {"title": "Turn", "thickness": 14, "tickformat": "d", "outlinewidth": 0},
        },
    )


def _accuracies(by_turn: pd.DataFrame) -> go.Figure:
    """Best and median accuracy of the archive at the end of each turn, over their range."""
    figure = new_figure("Accuracies of the archive, turn by turn")
    accuracy = by_turn.groupby("at_turn")["accuracy"].quantile(np.array(_QUANTILES)).unstack()
    accuracy = accuracy.reindex(columns=list(_QUANTILES))  # there are none without a row
    turns = accuracy.index.tolist()
    for name, (low, high) in {"All": (0, 1), "Middle half": (0.25, 0.75)}.items():
        area = band(turns, percentages(accuracy[low]), percentages(accuracy[high]), name, _TINTS[name])
        figure.add_trace(area)
    for name, level, colour in (("Median", 0.5, BLUE), ("Best", 1, BLACK)):
        figure.add_trace(curve(turns, percentages(accuracy[level]), name, {"color": colour}, "%{y:.2f} %"))
    known = extremes(by_turn).rename(columns={"at_turn": "turn_seen"})
    _add_extremes(figure, known, "turn_seen")
    figure.update_xaxes(title="Search turn", tickformat="d")
    return figure.update_yaxes(title=accuracy_title(by_turn)).update_layout(hovermode="x unified")
