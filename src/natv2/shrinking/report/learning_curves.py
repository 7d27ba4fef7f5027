"""Loss and learning rate over all epochs of a supernet's training."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from natv2.reporting.style import BLUE, ORANGE, style
from natv2.reporting.traces import curve

_FEW = 5  # epochs that a line alone would hardly show
_SIDE_BY_SIDE = 5  # names of phases that have room beside each other


def learning_figure(curves: pd.DataFrame) -> go.Figure:
    """Mean loss of each epoch above its learning rate, the phases one after the other.

    `curves` has a row an epoch, in their order: phase, epoch (within it), loss, learning_rate. Losses of
    different phases are not the same thing: the first has no teacher, later ones train other networks.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.7, 0.3], vertical_spacing=0.06)
    curves = curves.reset_index(drop=True)
    columns = (("loss", "Training loss", BLUE), ("learning_rate", "Learning rate", ORANGE))
    for row, (column, title, colour) in enumerate(columns, start=1):
        for phase, rows in curves.groupby("phase", sort=False):
            x, y = (rows.index + 1).tolist(), rows[column].astype(float).tolist()
            line = curve(x, y, title, {"color": colour}, "%{text}: %{y:.4g}")
            line.update(text=[f"{phase}, epoch {epoch}" for epoch in rows["epoch"]])
            line.update(mode="lines+markers" if len(rows) < _FEW else "lines")
            figure.add_trace(line, row=row, col=1)
        figure.update_yaxes(title=title, row=row)
    sizes = curves.groupby("phase", sort=False).size()
    angle = -90 if len(sizes) > _SIDE_BY_SIDE else 0
    for phase, end, size in zip(sizes.index, sizes.cumsum(), sizes, strict=True):
        figure.add_vline(x=end + 0.5, line={"color": "lightgrey", "dash": "dot"})
        place = {"x": end + 0.5 - size / 2, "y": 1, "yref": "y domain", "yanchor": "bottom"}
        name = str(phase).replace("_", " ")
        figure.add_annotation(text=name, textangle=angle, showarrow=False, font_size=11, **place)
    figure.update_xaxes(title="Epochs of all phases", row=2)
    # The axes say what each line is; above the plot is room for the phases and the title.
    above = {"margin_t": 130, "title_y": 0.97, "title_yanchor": "top", "showlegend": False}
    return style(figure, "Training, epoch by epoch").update_layout(height=630, **above)
