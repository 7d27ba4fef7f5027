"""The archive's accuracy of networks beside that after finishing."""

import pandas as pd
import plotly.graph_objects as go

from natv2.objectives.titles import accuracy_word
from natv2.reporting.fields import amount
from natv2.reporting.style import SERIES, new_figure
from natv2.reporting.traces import points


def rank_figure(scores: pd.DataFrame) -> go.Figure:
    """Validation accuracy in the archive and after finishing by the first seed, a colour for each budget.

    `scores` has a row a network: budget (MACs), accuracy and seed_1, fractions; other known columns go into
    the hover texts. On a line from the lower left to the upper right the search orders as finishing does.
    """
    figure = new_figure("What the archive says of networks, and finishing")
    for colour, (budget, rows) in zip(SERIES, scores.groupby("budget"), strict=False):
        marker = {"color": colour, "size": 10}
        figure.add_trace(
            points(
                rows.assign(x=100 * rows["accuracy"]),
                "x",
                "seed_1",
                f"{amount(float(str(budget)))} MACs",
                marker,
            )
        )
    word = accuracy_word(scores)
    figure.update_xaxes(title=f"Validation {word} in the archive (%)")
    return figure.update_yaxes(title=f"Validation {word} after finishing (%)")
