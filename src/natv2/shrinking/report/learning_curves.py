"""Loss and learning rate over all epochs of a supernet's training."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from natv2.reporting.style import BLUE, ORANGE, style
from natv2.reporting.traces import curve

_FEW = 5  # epochs that a line alone would hardly show


def learning_figure(curves: pd.DataFrame) -> go.Figure:
    """Mean loss of each epoch above its learning rate, the phases one after the other.

    `curves` has a row an epoch, in their order: phase, epoch (within it), loss, learning_rate. Losses of
    different phases are not the same thing: the first has no teacher, later ones train other networks.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.7, 0.3], vertical_spacing=0.06)
    curves = curves.reset_index(drop=True)
    columns = (("loss", "Training loss", BLUE), ("learning_rate", "Learning rate", ORANGE))
    for row, (column, title, colour) in enumerate(columns, start=1):
        for number, (phase, rows) in enumerate(curves.groupby("phase", sort=False)):
            x, y = (rows.index + 1).tolist(), rows[column].astype(float).tolist()
            line = curve(x, y, title, {"color": colour}, "%{text}: %{y:.4g}", legendgroup=title)
            line.update(text=[f"{phase}, epoch {epoch}" for epoch in rows["epoch"]], showlegend=number == 0)
            line.update(mode="lines+markers" if len(rows) < _FEW else "lines")
            figure.add_trace(line, row=row, col=1)
        figure.update_yaxes(title=title, row=row)
    sizes = curves.groupby("phase", sort=False).size()
    for phase, end, size in zip(sizes.index, sizes.cumsum(), sizes, strict=True):
        figure.add_vline(x=end + 0.5, line={"color": "lightgrey", "dash": "dot"})
        place = {"x": end + 0.5 - size / 2, "y": 1, "yref": "y domain", "yanchor": "top"}
        figure.add_annotation(
            text=str(phase).replace("_", " "), textangle=-90, showarrow=False, font_size=11, **place
        )
    figure.update_xaxes(title="Epochs of all phases", row=2)
    return style(figure, "Training, epoch by epoch").update_layout(height=600)
