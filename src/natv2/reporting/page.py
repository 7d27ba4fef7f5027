"""Tables and figures on one page that opens without a network."""

from collections.abc import Mapping
from html import escape

import pandas as pd
import plotly.graph_objects as go

from natv2.reporting.fields import MISSING

_STYLE = """
:root {color-scheme: light dark; --page: #fff; --ink: #222; --line: #999; --faint: #f4f4f4}
@media (prefers-color-scheme: dark) {
  :root {--page: #12161c; --ink: #e6eaf0; --line: #5d6673; --faint: #1e252e}
}
@media print {:root {color-scheme: light; --page: #fff; --ink: #222; --line: #999; --faint: #f4f4f4}}
body {font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 2rem clamp(.8rem, 2.5vw, 2.2rem);
  max-width: 1560px; background: var(--page); color: var(--ink)}
h1 {font-size: 1.5rem} h2 {font-size: 1.15rem; margin-top: 2rem}
.rows {overflow-x: auto} table {border-collapse: collapse} th, td {padding: .25rem .7rem; text-align: right}
th {border-bottom: 1px solid var(--line)} tr:nth-child(even) {background: var(--faint)}
.figure {background: #fff; border-radius: 10px; color-scheme: light; break-inside: avoid}
"""
_VIEWPORT = '<meta name=viewport content="width=device-width, initial-scale=1">'


def page(title: str, tables: Mapping[str, pd.DataFrame], figures: Mapping[str, go.Figure]) -> str:
    """HTML with `tables`, whose floats have two decimals, then `figures`, each under its heading."""
    parts = [
        f"<h2>{escape(name)}</h2>\n<div class=rows>{_html(table)}</div>" for name, table in tables.items()
    ]
    for number, (name, figure) in enumerate(figures.items()):
        # Plotly's script goes into the page, once; a name of plotly's own would differ each time.
        drawn = figure.to_html(full_html=False, include_plotlyjs=number == 0, div_id=f"figure_{number}")
        parts.append(f"<h2>{escape(name)}</h2>\n<div class=figure>{drawn}</div>")
    head = f"<meta charset=utf-8>{_VIEWPORT}<title>{escape(title)}</title><style>{_STYLE}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body><h1>{escape(title)}</h1>{''.join(parts)}"


def _html(table: pd.DataFrame) -> str:
    known = table.dropna(axis="columns", how="all")
    return str(known.to_html(index=False, border=0, na_rep=MISSING, float_format="{:.2f}".format))
