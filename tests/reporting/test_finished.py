"""Before, after and test figures are where the results say."""

import math

import pandas as pd
import pytest

from natv2.reporting import finished_figure


def test_points_are_the_results(finished: pd.DataFrame) -> None:
    figure = finished_figure(finished, "params")
    expected = {
        "Validation, before": [90, 93],
        "Validation, after": [96, math.nan],
        "Test, after": [95, 97],
    }
    for trace in figure.data:
        assert list(trace.x) == [300_000, 800_000]
        assert list(trace.y) == pytest.approx(expected.pop(trace.name), nan_ok=True)
        assert "Network: second" in trace.text[1]
        assert "Validation top-1 after (%): –" in trace.text[1]
    assert not expected
    assert figure.layout.xaxis.title.text == "Parameters"


def test_an_arrow_leads_from_before_to_after_where_both_are_known(finished: pd.DataFrame) -> None:
    (arrow,) = finished_figure(finished).layout.annotations
    assert (arrow.ax, arrow.ay) == pytest.approx((math.log10(6_000_000), 90))
    assert (arrow.x, arrow.y) == pytest.approx((math.log10(6_000_000), 96))


@pytest.mark.parametrize("rows", [0, 1])
def test_small_frames_are_drawn(finished: pd.DataFrame, rows: int) -> None:
    figure = finished_figure(finished.iloc[:rows])
    assert [len(trace.x) for trace in figure.data] == [rows] * 3
    assert len(figure.layout.annotations) == rows
