"""How a search went, turn by turn."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from natv2.objectives.metric import METRICS, metric_of, said
from natv2.reporting.fields import known_fields
from natv2.reporting.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, VERMILION, percentages, style
from natv2.reporting.traces import band, curve

_CORRELATIONS = {"pearson": PURPLE, "spearman": GREEN, "kendall": ORANGE}
_TINT = "rgba(34, 34, 34, 0.12)"


def search_figure(history: pd.DataFrame, summary: Mapping[str, Any] | None = None) -> go.Figure:
    """Hypervolume, metrics of the predictor and best accuracy by turn, one panel each.

    `history` has a row a turn: turn, hypervolume, best_accuracy (validation, a fraction), pearson,
    spearman, kendall and rmse (a fraction of accuracy) between predicted and true accuracy, missing
    where no predictor was fitted; perhaps also the cross-validated Kendall `cv_kendall` with its interval,
    `cv_low` to `cv_high`, and the name of the turn's `predictor`. `summary` has the search's objectives, its
    metric, and its hypervolume, whose reference point is told.
    """
    figure = make_subplots(rows=3, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    turns = history["turn"].tolist()

    def draw(row: int, name: str, values: list[float], colour: str, shown: str) -> None:
        line = curve(turns, values, name, {"color": colour}, shown, showlegend=row == 2)
        figure.add_trace(line, row=row, col=1)

    draw(1, "Hypervolume", _numbers(history["hypervolume"]), BLUE, "%{y:.4f}")
    for column, colour in _CORRELATIONS.items():
        draw(2, column.capitalize(), _numbers(history[column]), colour, "%{y:.3f}")
    draw(3, "Best accuracy", percentages(history["best_accuracy"]), VERMILION, "%{y:.2f} %")
    errors = [f"RMSE {100 * value:.2f} percentage points" for value in _numbers(history["rmse"])]
    figure.data[1].update(text=errors, hovertemplate="%{y:.3f} (%{text})")
    if "cv_kendall" in history:
        _add_cross_validation(figure, history, turns)
    if summary is not None:
        _note(figure, 1, f"Reference point: {_reference(summary)}")
    if "predictor" in history:
        counts = history["predictor"].value_counts(sort=False)
        turns_of = [f"{name} ({count})" for name, count in counts.items()]
        _note(figure, 2, f"Predictor (turns): {', '.join(turns_of)}")
    figure.update_yaxes(title="Hypervolume", row=1)
    figure.update_yaxes(title="Correlation of<br>predicted and true", row=2)
    word = METRICS[metric_of(summary or {})].word
    figure.update_yaxes(title=f"Best validation<br>{word} (%)", row=3)
    figure.update_xaxes(title="Search turn", tickformat="d", row=3)
    if len(turns) <= 20:
        figure.update_xaxes(dtick=1)
    return style(figure, "Search, turn by turn").update_layout(height=760, hovermode="x unified")


def _add_cross_validation(figure: go.Figure, history: pd.DataFrame, turns: list[int]) -> None:
    """The cross-validated Kendall over its interval, with the predictor's name in the hover texts."""
    name = "Kendall, cross-validated"
    known = history.dropna(subset=["cv_low", "cv_high"])
    within = known["turn"].tolist()
    low, high = (_numbers(known[column]) for column in ("cv_low", "cv_high"))
    interval = band(within, low, high, f"{name}: interval", _TINT, legendrank=1001)  # after what it is of
    figure.add_trace(interval, row=2, col=1)
    predictors = history["predictor"] if "predictor" in history else [""] * len(turns)
    intervals = [
        f"{low:.3f} to {high:.3f} {predictor}".rstrip()
        for low, high, predictor in zip(history["cv_low"], history["cv_high"], predictors, strict=True)
    ]
    dotted, values = {"color": BLACK, "dash": "dot"}, _numbers(history["cv_kendall"])
    line = curve(turns, values, name, dotted, "%{y:.3f} (%{text})", text=intervals)
    figure.add_trace(line, row=2, col=1)


def _reference(summary: Mapping[str, Any]) -> str:
    """The reference point of the hypervolume in the units of the figures; accuracy is kept as an error."""
    values = dict(zip(summary["objectives"], summary["hypervolume"]["reference"], strict=True))
    values["accuracy"] = 1 - values["accuracy"]
    fields = known_fields(pd.DataFrame([said(metric_of(summary))]))
    return ", ".join(f"{fields[name].title} {fields[name].write(value)}" for name, value in values.items())


def _note(figure: go.Figure, row: int, text: str) -> None:
    """A line above the panel of `row`, at its left."""
    left, above = {"x": 0, "xanchor": "left", "xref": "x domain"}, {"y": 1, "yanchor": "bottom"}
    place = {**left, **above, "yref": "y domain", "row": row, "col": 1}
    figure.add_annotation(text=text, font_size=12, showarrow=False, **place)


def _numbers(values: pd.Series) -> list[float]:
    return values.astype(float).tolist()
