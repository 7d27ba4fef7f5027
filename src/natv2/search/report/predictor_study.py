"""The predictor study as tables and as the thesis's Figures 6.3 to 6.5."""

import logging
from itertools import cycle

import pandas as pd
import plotly.graph_objects as go

from natv2.reporting.runs import newest
from natv2.reporting.style import SERIES, new_figure
from natv2.reporting.traces import curve

logger = logging.getLogger("natv2")

CASE = ["supernet", "predictor", "encoding", "size", "tested"]
"""What repetitions are averaged over."""

_VALUES = ["spearman", "kendall", "pearson", "rmse", "fit_seconds", "predicted_sd", "true_sd"]
_ENOUGH = 0.5


def newest_scores(every: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Of `every` row of all runs those on `dataset`, of each supernet's newest run."""
    return newest(every[every["dataset"] == dataset], ["supernet"])


def scores_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Means over the repetitions of each of CASE (of times medians), and Spearman's standard deviation.

    A correlation that is not defined, of constant predictions, counts as 0: it orders nothing.
    """
    filled = scores.fillna(dict.fromkeys(("spearman", "kendall", "pearson"), 0.0))
    groups = filled.groupby(CASE, sort=False)
    spread = groups["spearman"].std().rename("spearman sd")
    means = groups[_VALUES].mean()
    means["fit_seconds"] = groups["fit_seconds"].median()  # a first fit imports its library
    return pd.concat([means, spread], axis=1).reset_index()


def weak_predictors(table: pd.DataFrame) -> pd.DataFrame:
    """Predictors whose Spearman stays below 0.5 at the largest size with every encoding: their best row.

    `explained` is the share of the errors' variance that they explain: 0 is what their mean does.
    """
    largest = _largest(table)
    best = largest.loc[largest.groupby(["supernet", "predictor"])["spearman"].idxmax()]
    weak = best[best["spearman"] < _ENOUGH]
    return weak.assign(explained=1 - (weak["rmse"] / weak["true_sd"]) ** 2).reset_index(drop=True)


def warn_of_weak_predictors(table: pd.DataFrame) -> None:
    """Log which predictors are no guide."""
    for row in weak_predictors(table).to_dict("records"):
        logger.warning(
            "%s stays below a Spearman correlation of 0.5 on %s: %.2f at %d architectures with its better "
            "encoding (%s); it explains %.0f %% of the errors' variance",
            row["predictor"],
            row["supernet"],
            row["spearman"],
            row["size"],
            row["encoding"],
            100 * row["explained"],
        )


def supernets_bars(table: pd.DataFrame, encoding: str = "integer") -> go.Figure:
    """Figure 6.3: Spearman of every predictor at the largest size, bars side by side for the supernets."""
    rows = _largest(table)
    rows = rows[rows["encoding"] == encoding]
    figure = new_figure(f"Predictors at {rows['size'].max()} architectures, {encoding} features")
    for colour, (supernet, group) in zip(cycle(SERIES), rows.groupby("supernet"), strict=False):
        figure.add_bar(
            x=group["predictor"].tolist(),
            y=group["spearman"].tolist(),
            error_y={"array": group["spearman sd"].fillna(0.0).tolist(), "thickness": 1.2},
            name=str(supernet),
            marker={"color": colour},
            hovertemplate="%{x}: %{y:.3f}<extra>" + str(supernet) + "</extra>",
        )
    return _correlation(figure).update_xaxes(title="Predictor")


def size_lines(table: pd.DataFrame, supernet: str, encoding: str = "integer") -> go.Figure:
    """Figure 6.4: Spearman against the number of architectures fitted to, a line a predictor."""
    rows = _most_tested(table)
    rows = rows[(rows["supernet"] == supernet) & (rows["encoding"] == encoding)]
    figure = new_figure(f"Predictors by training size, {supernet}, {encoding} features")
    dashes = ("solid", "dash", "dot")
    for number, (predictor, group) in enumerate(rows.groupby("predictor", sort=False)):
        line = {"color": SERIES[number % len(SERIES)], "dash": dashes[number // len(SERIES) % len(dashes)]}
        _line(figure, group, str(predictor), line)
    return _correlation(figure).update_xaxes(title="Architectures fitted to")


def encoding_lines(table: pd.DataFrame, supernet: str, predictor: str) -> go.Figure:
    """Figure 6.5: Spearman of one predictor with each encoding, against the number fitted to."""
    rows = _most_tested(table)
    rows = rows[(rows["supernet"] == supernet) & (rows["predictor"] == predictor)]
    figure = new_figure(f"Encodings of {predictor}, {supernet}")
    for colour, (encoding, group) in zip(cycle(SERIES), rows.groupby("encoding"), strict=False):
        _line(figure, group, str(encoding), {"color": colour})
    return _correlation(figure).update_xaxes(title="Architectures fitted to")


def _line(figure: go.Figure, rows: pd.DataFrame, name: str, line: dict[str, str]) -> None:
    sizes, values, shown = rows["size"].tolist(), rows["spearman"].tolist(), "%{x}: %{y:.3f}<extra>"
    spread = {"array": rows["spearman sd"].fillna(0.0).tolist(), "thickness": 1, "width": 3}
    figure.add_trace(curve(sizes, values, name, line, f"{shown}{name}</extra>", error_y=spread))


def _correlation(figure: go.Figure) -> go.Figure:
    return figure.update_yaxes(title="Spearman's correlation on architectures not seen")


def _most_tested(table: pd.DataFrame) -> pd.DataFrame:
    """Few architectures say little: the rows of the largest test."""
    most = table.groupby("supernet")["tested"].transform("max")
    tested: pd.DataFrame = table[table["tested"] == most]
    return tested


def _largest(table: pd.DataFrame) -> pd.DataFrame:
    rows = _most_tested(table)
    largest: pd.DataFrame = rows[rows["size"] == rows.groupby("supernet")["size"].transform("max")]
    return largest
