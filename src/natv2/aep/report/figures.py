"""Figures of a multi-exit network: its training, its sub-ensembles, its early stopping."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from natv2.aep.report.changes import exit_columns
from natv2.objectives.objectives import ACCURACY, OBJECTIVES
from natv2.reporting.style import (
    BLACK,
    BLUE,
    GREY,
    SERIES,
    VERMILION,
    logarithmic_ticks,
    new_figure,
    percentages,
    style,
)

_COSTS = ("params", "macs", "latency")
_ACCURACY = OBJECTIVES[ACCURACY].axis


def curves_figure(curves: pd.DataFrame) -> go.Figure:
    """Validation top-1 and loss, epoch by epoch, of the single-exit network, the ensemble and its exits.

    `curves` has a row an epoch and network: network, epoch, and columns such as valid_top1, valid_loss,
    valid_exit_1_top1 (fractions); what a network does not have is missing.
    """
    figure = make_subplots(rows=1, cols=2, subplot_titles=(_ACCURACY, "Validation loss"))
    drawn = [("baseline", "", "Single exit", BLACK, "dot"), ("ensemble", "", "Ensemble", VERMILION, "solid")]
    exits = sorted(
        column.removeprefix("valid_").removesuffix("_top1")
        for column in curves.columns.astype(str)
        if column.startswith("valid_exit_") and column.endswith("_top1")
    )
    colours = [colour for colour in SERIES if colour not in (BLACK, VERMILION)]
    for number, exit in enumerate(exits):
        colour = colours[number % len(colours)]
        drawn.append(("ensemble", f"{exit}_", exit.replace("_", " ").capitalize(), colour, "solid"))
    for network, prefix, title, colour, dash in drawn:
        rows = curves[curves["network"] == network]
        for column, (metric, scale) in enumerate((("top1", 100), ("loss", 1)), start=1):
            figure.add_scatter(
                x=rows["epoch"].tolist(),
                y=(scale * rows[f"valid_{prefix}{metric}"]).tolist(),
                name=title,
                legendgroup=title,
                showlegend=column == 1,
                mode="lines",
                line={"color": colour, "dash": dash, "width": 1.5 if prefix else 3},
                row=1,
                col=column,
            )
    figure.update_xaxes(title="Epoch")
    return style(figure, "Training with all exits, and with the last one alone").update_layout(
        title_y=0.98, margin_t=130, legend_y=1.1
    )


def subsets_figure(subsets: pd.DataFrame, chosen: pd.Series, baseline: pd.DataFrame) -> go.Figure:
    """Validation top-1 of every sub-ensemble against each cost.

    `subsets` has a row each: kept (as 1+2+4), top1 (a fraction), params, macs, latency, non_dominated;
    `chosen` marks those that the network is cut to, `baseline` has the single-exit network's row.
    """
    figure = make_subplots(rows=1, cols=len(_COSTS), shared_yaxes=True, horizontal_spacing=0.03)
    full = subsets["kept"].str.count(r"\+").idxmax()
    groups = (
        ("Sub-ensembles", subsets[~subsets["non_dominated"] & ~chosen], GREY, "circle", 7),
        ("Best trade-offs", subsets[subsets["non_dominated"] & ~chosen], BLUE, "circle", 9),
        ("All exits", subsets[subsets.index == full], BLACK, "square-open", 15),
        ("Cut to", subsets[chosen], VERMILION, "star", 14),
        ("Single exit, trained alone", baseline, BLACK, "x", 11),
    )
    for column, cost in enumerate(_COSTS, start=1):
        for name, rows, colour, symbol, size in groups:
            rim = {"color": colour, "width": 2}
            figure.add_scatter(
                x=rows[cost].tolist(),
                y=percentages(rows["top1"]),
                name=name,
                legendgroup=name,
                showlegend=column == 1,
                mode="markers",
                marker={"color": colour, "symbol": symbol, "size": size, "line": rim},
                text=[f"exits {kept}" for kept in rows["kept"]],
                hovertemplate="%{text}: %{y:.2f} %, %{x:.4s}<extra>" + name + "</extra>",
                row=1,
                col=column,
            )
        ticks, texts = logarithmic_ticks(pd.concat([subsets[cost], baseline[cost]]))
        title = OBJECTIVES[cost].plain_label
        figure.update_xaxes(title=title, type="log", tickvals=ticks, ticktext=texts, row=1, col=column)
    figure.update_yaxes(title=_ACCURACY, row=1, col=1).update_xaxes(tickangle=0)
    return style(figure, "Every sub-ensemble on validation images").update_layout(height=480)


def stopping_figure(curve: pd.DataFrame, row: int, ensembles: pd.DataFrame) -> go.Figure:
    """Validation top-1 against mean MACs when images leave early, and where the thresholds are.

    `curve` has columns mean_cost (MACs) and top1 (a fraction), `row` is the number of the one that is used;
    `ensembles` has a row for each cut network: kept (as 1+2+4), macs, top1.
    """
    figure = new_figure("Images that leave when the network is sure")
    figure.add_scatter(
        x=curve["mean_cost"].tolist(),
        y=percentages(curve["top1"]),
        name="Leaving early",
        mode="lines",
        line={"color": BLUE, "width": 3},
    )
    figure.add_scatter(
        x=ensembles["macs"].tolist(),
        y=percentages(ensembles["top1"]),
        name="Cut networks",
        mode="markers",
        marker={"color": GREY, "symbol": "circle-open", "size": 9},
        text=[f"exits {kept}" for kept in ensembles["kept"]],
    )
    full = ensembles.iloc[int(ensembles["kept"].str.len().argmax())]
    used = curve.iloc[row]
    for name, x, y, symbol, colour in (
        ("All exits", full["macs"], full["top1"], "square-open", BLACK),
        ("Thresholds used", used["mean_cost"], used["top1"], "star", VERMILION),
    ):
        figure.add_scatter(
            x=[x],
            y=[100 * y],
            name=name,
            mode="markers",
            marker={"symbol": symbol, "color": colour, "size": 14, "line": {"width": 2}},
        )
    return figure.update_yaxes(title=_ACCURACY).update_xaxes(title="MACs of an image, on average")


def results_figure(results: pd.DataFrame) -> go.Figure:
    """Test top-1 of the single-exit network, of each exit, of the ensemble and of what it was cut to.

    `results` has a row a network: name, variant (single, ensemble, pruned, front, early), test_top1 and, for
    the ensemble, exit_1, exit_2, ... (fractions).
    """
    (single,) = results.loc[results["variant"] == "single", "test_top1"]
    whole = results[results["variant"] == "ensemble"].iloc[0]
    exits = whole[exit_columns(results)].dropna()
    bars = [(str(name).replace("_", " ").capitalize(), top1, GREY) for name, top1 in exits.items()]
    others = results[~results["variant"].isin(("single",))]
    titles = {"ensemble": "Ensemble", "early": "Leaving early"}
    for row in others.to_dict("records"):
        title = titles.get(row["variant"], f"Cut to {row['kept']}")
        bars.append((title, row["test_top1"], VERMILION if row["variant"] == "pruned" else BLUE))
    figure = new_figure("Test top-1, against the single-exit network's")
    figure.add_bar(
        x=[title for title, _, _ in bars],
        y=[100 * (value - single) for _, value, _ in bars],
        marker_color=[colour for _, _, colour in bars],
        text=[f"{100 * value:.1f}" for _, value, _ in bars],
        showlegend=False,
    )
    figure.add_hline(y=0, line={"color": BLACK, "width": 1})
    return figure.update_yaxes(title=f"Points above or below {100 * single:.2f} %")
