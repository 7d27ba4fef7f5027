from pathlib import Path

import pandas as pd
import plotly.graph_objects as go

from natv2.reporting.page import page
from tests.explorer.browser import Page
from tests.explorer.conftest import chromium

__all__ = ["chromium"]

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


def test_a_wide_table_is_in_sight_and_the_dark_has_a_page_of_its_own(chromium: Page, tmp_path: Path):
    """As wide as that of a supernet's steps."""
    steps = pd.DataFrame({f"resolution {number}": [11.94] for number in range(12)})
    file = tmp_path / "page.html"
    file.write_text(page("Steps", {"Rows": steps}, {"One": go.Figure()}), encoding="utf-8")
    backgrounds = []
    for dark in (False, True):
        chromium.open(file, width=1400, dark=dark)
        assert chromium.run("(({scrollWidth: a, clientWidth: b}) => a <= b)(document.querySelector('.rows'))")
        of = "getComputedStyle(document.querySelector('{}')).backgroundColor"
        backgrounds.append([chromium.run(of.format(which)) for which in ("body", ".figure")])
    assert backgrounds == [["rgb(255, 255, 255)"] * 2, ["rgb(18, 22, 28)", "rgb(255, 255, 255)"]]
