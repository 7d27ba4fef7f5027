"""What post-processing did to the networks of several searches (thesis, Figure 6.10)."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from natv2.objectives.objectives import others
from natv2.objectives.titles import accuracy_word
from natv2.postprocess.report.figure import METHODS
from natv2.reporting.style import BLACK, cost_axis, logarithmic_ticks, style
from natv2.reporting.traces import points

# Pixels: height of a panel with what is below it, of what is around all, of that what is below.
_PANEL, _AROUND, _BELOW = 300, 260, 120

_TITLE = "What post-processing made of each search's networks"


def postprocessed_figure(finished: pd.DataFrame) -> go.Figure:
    """Test accuracy of networks as found and as finished: a column a supernet and preset, a row a task.

    `finished` has a row a network, method and search: supernet, preset, dataset, objectives (joined by +),
    run, method, test_accuracy and test_accuracy_before (fractions), and the first objective's column beside
    accuracy (MACs where there is none) with its column ..._before. A line joins the networks of a search.
    """
    if finished.empty:
        return style(go.Figure(), f"{_TITLE}: there are none yet")
    shown = finished.assign(
        panel_row=finished["dataset"] + "<br>" + finished["objectives"].str.replace("+", " + ", regex=False),
        panel_column=finished["supernet"] + "<br>" + finished["preset"],
    )
    rows, columns = (sorted(shown[name].unique()) for name in ("panel_row", "panel_column"))
    figure = make_subplots(
        rows=len(rows),
        cols=len(columns),
        row_titles=rows,
        column_titles=columns,
        shared_yaxes="rows",  # supernets are compared, tasks are not
        vertical_spacing=0.3 / len(rows),
        horizontal_spacing=0.05,
    )
    known: set[str] = set()
    for (row, column), panel in shown.groupby(["panel_row", "panel_column"]):
        _fill(figure, panel, rows.index(row) + 1, columns.index(column) + 1, known)
    figure.update_yaxes(title=f"Test {accuracy_word(finished)} (%)", col=1)
    return style(figure, _TITLE).update_layout(
        height=_PANEL * len(rows) + _AROUND,
        margin={"r": 60, "b": _BELOW},
        legend={"yref": "container", "y": 0, "yanchor": "bottom", "x": 0, "xanchor": "left"},
    )


def _fill(figure: go.Figure, panel: pd.DataFrame, row: int, column: int, known: set[str]) -> None:
    """Draw a panel; the legend names what is not `known` yet."""
    costs = others(tuple(str(panel["objectives"].iloc[0]).split("+")))
    cost = next((name for name in costs if f"{name}_before" in panel), "macs")
    before = panel.drop_duplicates([f"{cost}_before", "test_accuracy_before", "run"])
    series = [(before, "_before", "As found", "circle-open", BLACK)]
    series += [(panel[panel["method"] == name], "", *told) for name, told in METHODS.items()]
    for networks, when, name, symbol, colour in series:
        for _, found in networks.groupby("run"):
            marker = {"symbol": symbol, "color": colour, "size": 9}
            trace = points(
                found.sort_values(f"{cost}{when}"),
                f"{cost}{when}",
                f"test_accuracy{when}",
                name,
                marker,
                legendgroup=name,
                showlegend=name not in known,
            )
            known.add(name)
            figure.add_trace(trace.update(mode="lines+markers", line_color=colour), row=row, col=column)
    ticks, texts = logarithmic_ticks(pd.concat([panel[cost], panel[f"{cost}_before"]]).astype(float))
    axis = {"title": cost_axis(cost).title, "type": "log", "tickvals": ticks, "ticktext": texts}
    figure.update_xaxes(**axis, row=row, col=column)
