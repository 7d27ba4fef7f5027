import pandas as pd
import plotly.graph_objects as go

from natv2.reporting.page import page

TABLE = pd.DataFrame({"phase": ["full", "<kernel>"], "top1": [1 / 3, None], "nothing": [None, None]})


def test_a_page_has_its_tables_and_figures_and_needs_no_network():
    html = page("A & B", {"Rows": TABLE}, {"One": go.Figure(), "Two": go.Figure()})
    assert "<title>A &amp; B</title>" in html
    assert "<td>0.33</td>" in html
    assert "&lt;kernel&gt;" in html
    assert "–" in html
    assert "nothing" not in html
    assert html.count("Plotly.newPlot") >= 2
    assert html.count("plotly.js v") == 1  # the script itself, once
    assert "<script src=" not in html
    assert html == page("A & B", {"Rows": TABLE}, {"One": go.Figure(), "Two": go.Figure()})
