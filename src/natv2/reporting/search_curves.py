"""How a search went, turn by turn."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from natv2.reporting.style import BLUE, GREEN, ORANGE, PURPLE, VERMILION, percentages, style

_CORRELATIONS = {"pearson": PURPLE, "spearman": GREEN, "kendall": ORANGE}


def search_figure(history: pd.DataFrame) -> go.Figure:
    """Hypervolume, quality of the predictor and best accuracy by turn, one panel each.

    `history` has a row a turn: turn, hypervolume, best_accuracy (validation, a fraction), pearson,
    spearman, kendall and rmse (a fraction of top-1) between predicted and true accuracy, missing
    where no predictor was fitted.
    """
    figure = make_subplots(rows=3, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    turns = history["turn"].tolist()

    def curve(row: int, name: str, values: list[float], colour: str, shown: str) -> None:
        figure.add_scatter(
            row=row,
            col=1,
            x=turns,
            y=values,
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2},
            hovertemplate=shown,
            showlegend=row == 2,
        )

    curve(1, "Hypervolume", _numbers(history["hypervolume"]), BLUE, "%{y:.4f}")
    for column, colour in _CORRELATIONS.items():
        curve(2, column.capitalize(), _numbers(history[column]), colour, "%{y:.3f}")
    curve(3, "Best accuracy", percentages(history["best_accuracy"]), VERMILION, "%{y:.2f} %")
    errors = [f"RMSE {100 * value:.2f} percentage points" for value in _numbers(history["rmse"])]
    figure.data[1].update(text=errors, hovertemplate="%{y:.3f} (%{text})")
    figure.update_yaxes(title="Hypervolume", row=1)
    figure.update_yaxes(title="Correlation of<br>predicted and true", row=2)
    figure.update_yaxes(title="Best validation<br>top-1 (%)", row=3)
    figure.update_xaxes(title="Search turn", tickformat="d", row=3)
    if len(turns) <= 20:
        figure.update_xaxes(dtick=1)
    return style(figure, "Search, turn by turn").update_layout(height=760, hovermode="x unified")


def _numbers(values: pd.Series) -> list[float]:
    return values.astype(float).tolist()
