"""All exported files as a figure: how accurate they are, and how fast."""

import pandas as pd
import plotly.graph_objects as go

from natv2.reporting.style import SERIES, logarithmic_ticks, new_figure, percentages

_SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "star", "hexagon")


def exports_figure(table: pd.DataFrame) -> go.Figure:
    """Validation top-1 of each file against its time for one image with one thread; a colour a format.

    A network's files are joined by a line; what did not hold is hollow.
    """
    figure = new_figure("Exported networks")
    timed = table.assign(time=table["latency_1"].fillna(table["latency_all"])).dropna(subset=["time", "top1"])
    for _, files in timed.groupby("network", sort=False):
        line = {"color": "#d0d0d0", "width": 1}
        x, y = files["time"].tolist(), percentages(files["top1"])
        figure.add_trace(go.Scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip", showlegend=False))
    for number, (name, files) in enumerate(timed.groupby("format", sort=False)):
        symbol, colour = _SYMBOLS[number % len(_SYMBOLS)], SERIES[number % len(SERIES)]
        sizes = [f"{size / 1e6:.2f}" for size in files["bytes"]]
        symbols = [symbol if holds else f"{symbol}-open" for holds in files["holds"]]
        figure.add_trace(
            go.Scatter(
                x=files["time"].tolist(),
                y=percentages(files["top1"]),
                name=str(name),
                mode="markers",
                marker={"symbol": symbols, "color": colour, "size": 10},
                text=[f"{file}<br>{size} MB" for file, size in zip(files["file"], sizes, strict=True)],
                hovertemplate="%{text}<br>%{x:.3g} ms, %{y:.2f} %<extra>" + str(name) + "</extra>",
            )
        )
    ticks, texts = logarithmic_ticks(timed["time"].astype(float))
    figure.update_xaxes(title="One image, one thread (ms)", type="log", tickvals=ticks, ticktext=texts)
    return figure.update_yaxes(title="Validation top-1 (%)")
