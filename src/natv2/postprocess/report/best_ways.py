"""The best ways to refine the networks of each search (thesis, Figure 6.6)."""

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from natv2.postprocess.report.figure import METHODS
from natv2.postprocess.report.study import WAY, name_of_way, study_table
from natv2.reporting.runs import newest
from natv2.reporting.style import BLACK, accuracy_title, percentages, style

SEARCH = ["supernet", "preset", "dataset", "objectives", "settings", "seed"]
"""What tells the search that found a network from others."""

_PAIR = ["supernet", "objectives", "preset"]
_BEST = 2  # ways of each method that are drawn
_DASHES = {"sgd": "solid", "adamw": "dot", "ranger": "dash"}
_PANEL, _AROUND = 280, 220  # pixels


def newest_studies(every: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Of the scores of all runs those on `dataset`, of each search's newest study."""
    known = every.dropna(subset=SEARCH)
    return newest(known[known["dataset"] == dataset], SEARCH).reset_index(drop=True)


def best_ways_figure(scores: pd.DataFrame) -> go.Figure:
    """Validation accuracy of networks before and after the two best ways of each method: a panel a search.

    `scores` has a row a network and way, with SEARCH: name, WAY, accuracy_before and accuracy_after
    (fractions), epochs. The best are those of the panel's networks: a column a supernet, a row a task and
    preset. Lines are solid for SGD, dotted for AdamW, dashed for Ranger, as in the thesis.
    """
    rows = sorted(set(zip(scores["objectives"], scores["preset"], strict=True)))
    columns = sorted(set(scores["supernet"]))
    figure = make_subplots(
        rows=len(rows),
        cols=len(columns),
        row_titles=[f"{objectives.replace('+', ' + ')}<br>{preset}" for objectives, preset in rows],
        column_titles=columns,
        shared_yaxes=True,
        horizontal_spacing=0.03,
    )
    for (supernet, objectives, preset), panel in scores.groupby(_PAIR):
        place = {"row": rows.index((objectives, preset)) + 1, "col": columns.index(supernet) + 1}
        for trace in _lines(panel):
            figure.add_trace(trace, **place)
    named: set[str] = set()
    for trace in figure.data:
        trace.showlegend = trace.name not in named
        named.add(trace.name)
    figure.update_yaxes(title=accuracy_title(scores), col=1)
    figure = style(figure, "The best ways to refine each search's networks")
    return figure.update_layout(height=_PANEL * len(rows) + _AROUND, margin_r=60, margin_t=160)


def _lines(panel: pd.DataFrame) -> list[go.Scatter]:
    """The networks of a search, the most accurate first: as found, and by the best ways."""
    panel = panel.sort_values("accuracy_before", ascending=False, kind="stable")
    found = panel.drop_duplicates(["name", "seed", "settings"])
    lines = [_line(found, "accuracy_before", "As found", {"color": BLACK})]
    table = study_table(panel)
    for method, (_, _, colour) in METHODS.items():
        for way in table[table["method"] == method].head(_BEST).to_dict("records"):
            rows = panel[(panel[WAY] == pd.Series(way)[WAY]).all(axis=1)]
            line = {"color": colour, "dash": _DASHES.get(str(way["optimizer"]), "dashdot")}
            lines.append(_line(rows, "accuracy_after", name_of_way(way), line))
    return lines


def _line(networks: pd.DataFrame, column: str, name: str, line: Mapping[str, str]) -> go.Scatter:
    return go.Scatter(
        x=networks["name"].tolist(),
        y=percentages(networks[column]),
        name=name,
        legendgroup=name,
        mode="lines+markers",
        line=dict(line),
    )
