"""Tables and figures on one page that opens without a network."""

from collections.abc import Mapping
from html import escape

import pandas as pd
import plotly.graph_objects as go

from natv2.reporting.fields import MISSING

_STYLE = """
body {font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1100px; color: #222}
h1 {font-size: 1.5rem} h2 {font-size: 1.15rem; margin-top: 2rem}
.rows {overflow-x: auto} table {border-collapse: collapse} th, td {padding: .25rem .7rem; text-align: right}
th {border-bottom: 1px solid #999} tr:nth-child(even) {background: #f4f4f4}
"""


def page(title: str, tables: Mapping[str, pd.DataFrame], figures: Mapping[str, go.Figure]) -> str:
    """HTML with `tables`, whose floats have two decimals, then `figures`, each under its heading."""
    parts = [
        f"<h2>{escape(name)}</h2>\n<div class=rows>{_html(table)}</div>" for name, table in tables.items()
    ]
    for number, (name, figure) in enumerate(figures.items()):
        # Plotly's script goes into the page, once; a name of plotly's own would differ each time.
        drawn = figure.to_html(full_html=False, include_plotlyjs=number == 0, div_id=f"figure_{number}")
        parts.append(f"<h2>{escape(name)}</h2>\n{drawn}")
    head = f"<meta charset=utf-8><title>{escape(title)}</title><style>{_STYLE}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body><h1>{escape(title)}</h1>{''.join(parts)}"


def _html(table: pd.DataFrame) -> str:
    known = table.dropna(axis="columns", how="all")
    return str(known.to_html(index=False, border=0, na_rep=MISSING, float_format="{:.2f}".format))
