"""Searches side by side: the networks they found (thesis, Figures 6.7 to 6.9 and 6.11)."""

import math
import textwrap

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from natv2.objectives.objectives import others
from natv2.reporting.style import SERIES, accuracy_title, cost_axis, logarithmic_ticks, style
from natv2.reporting.traces import points
from natv2.spaces.design import DESIGNS

PRESETS = ("nat", "natv2_phase1", "natv2_phase2", "natv2_phase3", "natv2_phase4", "natv2")
"""The presets in the order of section 6.2, and ours; others come after them."""

_BASELINE = "OFAMobileNetV3"
_EARLY, _COMPLETE = PRESETS[:2], PRESETS[-2:]
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "cross", "star", "triangle-down", "hexagon")
_TICKS = 4
_PANEL, _GAP, _TOP, _BOTTOM = 290, 95, 90, 140  # pixels: height of a panel, between two, above and below all


def supernets_figure(networks: pd.DataFrame) -> go.Figure:
    """The high trade-off networks of each supernet, a row of panels a data set, a column a set of objectives.

    `networks` has a row for each network of the front of each search: supernet, preset, dataset, objectives
    (joined by +), run, accuracy (a fraction), high_tradeoff and the objectives' columns; other columns of
    FIELDS go into the hover texts. It is of one preset: that with which most supernets were searched, the
    first of several (Figures 6.7 and 6.8).
    """
    counts = networks.groupby("preset")["supernet"].nunique()
    preset = min(counts.index, key=lambda name: (-counts[name], _place(name)))
    shown = _chosen(networks[networks["preset"] == preset])
    shown = shown.assign(panel_row=shown["dataset"], panel_column=shown["task"])
    return _panels(shown, f"High trade-off networks of each supernet, {_readable(preset)}")


def presets_figure(networks: pd.DataFrame) -> go.Figure:
    """The high trade-off networks of each supernet, a column of panels a preset (Figure 6.9).

    `networks` are as for `supernets_figure`; a row of panels is a data set and a set of objectives for which
    there are searches with several presets.
    """
    several = networks.groupby(["dataset", "objectives"])["preset"].transform("nunique") > 1
    shown = _chosen(networks[several])
    rows = shown["dataset"] + "<br>" + shown["task"]
    shown = shown.assign(panel_row=rows, panel_column=shown["preset"].map(_readable))
    return _panels(shown, "High trade-off networks of each preset", shared="rows")


def complete_figure(networks: pd.DataFrame) -> go.Figure:
    """The baseline supernet with `nat` or phase 1 against the others with the complete version (Figure 6.11).

    `networks` are as for `supernets_figure`, with accuracy_after: those of the complete version are shown as
    post-processing left them. Panels as there, where there are both.
    """
    shown = _chosen(networks)
    baseline = shown["supernet"] == _BASELINE
    early = baseline & shown["preset"].isin(_EARLY)
    complete = ~baseline & shown["preset"].isin(_COMPLETE) & shown["accuracy_after"].notna()
    readable = shown["preset"].map(_readable)
    ending = readable.where(early, readable + " post-processed")
    shown = shown.assign(
        accuracy=shown["accuracy"].where(early, shown["accuracy_after"]),
        series=shown["series"] + ", " + ending,
        complete=complete,
    )[early | complete]
    both = shown.groupby(["dataset", "objectives"])["complete"].transform("nunique") == 2
    shown = shown.assign(panel_row=shown["dataset"], panel_column=shown["task"])[both]
    return _panels(shown, "The baseline supernet, and the others with all of NATv2")


def _chosen(networks: pd.DataFrame) -> pd.DataFrame:
    """The high trade-off rows in the order of figures, with the names of their series and task."""
    chosen = networks[networks["high_tradeoff"].eq(True)].reset_index(drop=True)
    order = pd.DataFrame(
        {
            "dataset": chosen["dataset"],
            "count": chosen["objectives"].str.count(r"\+"),
            "objectives": chosen["objectives"],
            "preset": chosen["preset"].map(_place),
            "supernet": chosen["supernet"].map(_order),
            "run": chosen["run"],
        }
    )
    chosen = chosen.loc[order.sort_values(order.columns.tolist(), kind="stable").index]
    return chosen.assign(
        series=chosen["supernet"].str.replace(f"_{_BASELINE}", "", regex=False) + _several(chosen),
        task=chosen["objectives"].str.replace("+", " + ", regex=False),
    )


def _several(networks: pd.DataFrame) -> pd.Series:
    """What the name of a series says of the exits, where they are several."""
    exits = networks.get("searched_exits", pd.Series("one", networks.index))
    return exits.map({"many": ", several exits"}).fillna("")


def _panels(networks: pd.DataFrame, title: str, *, shared: str | bool = False) -> go.Figure:
    """A panel for each panel_row and panel_column, a line for each series and run."""
    rows, columns = (list(dict.fromkeys(networks[name])) for name in ("panel_row", "panel_column"))
    height = max(len(rows), 1) * (_PANEL + _GAP) - _GAP
    figure = make_subplots(
        rows=max(len(rows), 1),
        cols=max(len(columns), 1),
        row_titles=rows,
        column_titles=columns,
        shared_xaxes=shared,
        shared_yaxes=shared,
        vertical_spacing=_GAP / height if len(rows) > 1 else 0,
        horizontal_spacing=0.05,
    )
    known: set[str] = set()
    for (row, column), panel in networks.groupby(["panel_row", "panel_column"], sort=False):
        place = {"row": rows.index(row) + 1, "col": columns.index(column) + 1}
        objectives = str(panel["objectives"].iloc[0]).split("+")
        cost = next(iter(others(tuple(objectives))), None)
        for (series, _), found in panel.groupby(["series", "run"], sort=False):
            figure.add_trace(_line(found, str(series), cost, shown=series not in known), **place)
            known.add(str(series))
        _set_axis(figure, networks[networks["panel_row"] == row] if shared else panel, cost, place)
    figure.update_yaxes(title=accuracy_title(networks), col=1)
    figure = style(figure, title if rows else f"{title}: there are none yet")
    return figure.update_layout(
        height=height + _TOP + _BOTTOM,
        margin={"t": _TOP, "b": _BOTTOM, "r": 60},
        legend={"yref": "container", "y": 0, "yanchor": "bottom", "x": 0, "xanchor": "left"},
    )


def _line(networks: pd.DataFrame, name: str, cost: str | None, *, shown: bool) -> go.Scatter:
    place = _order(networks["supernet"].iloc[0])
    # SE_B, the second, computes what the baseline does.
    colour, symbol = SERIES[max(place - 1, 0) % len(SERIES)], _SYMBOLS[place % len(_SYMBOLS)]
    marker = {"color": colour, "symbol": symbol, "size": 9}
    found = networks.sort_values(cost) if cost else networks
    trace = points(found, cost or "series", "accuracy", name, marker, legendgroup=name, showlegend=shown)
    return trace.update(mode="lines+markers", line={"color": colour, "width": 1})


def _set_axis(figure: go.Figure, panel: pd.DataFrame, cost: str | None, place: dict[str, int]) -> None:
    """The panel's own axis of costs, or nothing but the series where accuracy is all there is."""
    if cost is None:
        figure.update_xaxes(showticklabels=False, **place)
        return
    ticks, texts = logarithmic_ticks(panel[cost].astype(float))
    apart = [ticks[0]] if ticks else []  # in a narrow panel they need room
    for tick in ticks:
        if math.log10(tick / apart[-1]) >= math.log10(ticks[-1] / ticks[0]) / _TICKS > 0:
            apart.append(tick)
    title = "<br>".join(textwrap.wrap(cost_axis(cost).title, 24))
    figure.update_xaxes(
        type="log",
        tickvals=apart,
        ticktext=[texts[ticks.index(tick)] for tick in apart],
        tickangle=0,
        title=title,
        **place,
    )


def _place(preset: str) -> tuple[int, str]:
    return (PRESETS.index(preset) if preset in PRESETS else len(PRESETS), preset)


def _order(supernet: str) -> int:
    """The place of a supernet among all; those with elastic values of their own come after them."""
    return list(DESIGNS).index(supernet) if supernet in DESIGNS else len(DESIGNS)


def _readable(preset: str) -> str:
    return preset.replace("natv2_phase", "phase ")
