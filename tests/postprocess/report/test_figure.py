"""Before, after and test figures are where the results say."""

import math

import numpy as np
import pandas as pd
import pytest

from natv2.postprocess.report.figure import finished_figure
from natv2.postprocess.results import with_means


def test_points_are_the_results(finished: pd.DataFrame) -> None:
    figure = finished_figure(finished, "params")
    expected = {
        "As found": ([300_000, 700_000], [88, math.nan]),
        "Standard method": ([300_000], [95]),
        "Ensemble of its exits": ([800_000], [97]),
    }
    for trace in figure.data:
        x, y = expected.pop(trace.name)
        assert list(trace.x) == x
        assert list(trace.y) == pytest.approx(y, nan_ok=True)
        assert "Network: " in trace.text[0]
    assert not expected
    assert figure.layout.xaxis.title.text == "Parameters"


def test_an_arrow_leads_from_before_to_after_where_both_are_known(finished: pd.DataFrame) -> None:
    (arrow,) = finished_figure(finished).layout.annotations
    assert (arrow.ax, arrow.ay) == pytest.approx((math.log10(6_000_000), 88))
    assert (arrow.x, arrow.y) == pytest.approx((math.log10(finished["macs"].iloc[0]), 95))


def test_what_was_left_as_found_has_no_arrow(finished: pd.DataFrame) -> None:
    figure = finished_figure(finished.assign(method="none"))
    assert [trace.name for trace in figure.data] == ["As found", "Left as found"]
    assert not figure.layout.annotations


def test_no_results_are_drawn(finished: pd.DataFrame) -> None:
    figure = finished_figure(finished.iloc[:0])
    assert [len(trace.x) for trace in figure.data] == [0]


def test_plain_and_pretrained_networks_are_marked_each_in_their_own_way(finished: pd.DataFrame) -> None:
    beside = pd.DataFrame(
        {"name": ["one", "other"], "macs": [9e6, 2e6], "test_accuracy": [0.7, 0.6], "kind": ["plain", "x"]}
    )
    figure = finished_figure(finished, "macs", beside[:1], beside[1:])
    shown = {trace.name: trace for trace in figure.data}
    plain, tuned = shown["Plain networks"], shown["Fine-tuned from ImageNet"]
    assert (list(plain.x), list(plain.y)) == ([9e6], [pytest.approx(70)])
    assert (list(tuned.x), list(tuned.y)) == ([2e6], [pytest.approx(60)])
    assert plain.marker.symbol != tuned.marker.symbol
    assert min(figure.layout.xaxis.tickvals) <= 3e6  # of the others it is 4 M
    figure = finished_figure(finished, "macs", beside, beside[:0])
    assert "Fine-tuned from ImageNet" not in {trace.name for trace in figure.data}


def test_networks_that_nobody_leaves_early_have_their_whole_costs_for_means(finished):
    """A search of one exit may be asked for mean MACs: none of its networks has any of its own."""
    means = with_means(finished.copy(), ["accuracy", "mean_macs"])
    assert (means["mean_macs"] == finished["macs"]).all()
    assert (means["mean_macs_before"] == finished["macs_before"]).all()
    drawn, whole = finished_figure(means, "mean_macs"), finished_figure(finished)
    assert [list(trace.x) for trace in drawn.data] == [list(trace.x) for trace in whole.data]
    # Of some that have their own the others' whole costs stand beside them.
    some = finished.assign(mean_macs=[np.nan, 1.0])
    told = with_means(some, [])
    assert list(told["mean_macs"]) == [finished["macs"].iloc[0], 1.0]
    assert "mean_macs_before" not in told
