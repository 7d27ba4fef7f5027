"""Probes and learning curves as figures: what counting by hand gives."""

import pandas as pd
import pytest

from natv2.shrinking.report.health import health_figure, health_table
from natv2.shrinking.report.learning_curves import learning_figure

PROBES = pd.DataFrame(
    {
        "phase": ["full"] * 3 + ["kernel"] * 3 + ["depth_2"] * 3,  # in the order of training
        "probe": [0, 1, 2] * 3,
        "accuracy": [0.1, 0.2, 0.3, 0.2, 0.4, 0.6, 0.9, 0.5, 0.7],
        "uncalibrated": [0.1] * 3 + [0.3] * 3 + [0.1] * 3,
    }
)


def test_spread_order_and_gain_of_each_phase() -> None:
    table = health_table(PROBES).set_index("phase")
    assert list(table.index) == ["full", "kernel", "depth_2"]
    assert table.loc["kernel", ["worst", "low", "median", "high", "best"]].tolist() == pytest.approx(
        [0.2, 0.3, 0.4, 0.5, 0.6]
    )
    assert pd.isna(table.loc["full", "kendall"])
    assert table.loc["kernel", "kendall"] == pytest.approx(1)  # the same order
    assert table.loc["depth_2", "kendall"] == pytest.approx(-1 / 3)  # one pair of three in order
    assert table["gain"].tolist() == pytest.approx([0.1, 0.1, 0.6])


def test_the_figure_shows_the_table() -> None:
    figure = health_figure(PROBES)
    lines = {trace.name: list(trace.y) for trace in figure.data if trace.mode != "none"}
    assert lines["median"] == pytest.approx([20, 40, 70])
    assert lines["gain"] == pytest.approx([10, 10, 60])
    assert lines["Kendall"][1:] == pytest.approx([1, -1 / 3])
    everything, half = figure.data[:2]
    assert list(everything.x) == ["full", "kernel", "depth 2", "depth 2", "kernel", "full"]
    assert list(everything.y) == pytest.approx([30, 60, 90, 50, 20, 10])
    assert list(half.y) == pytest.approx([25, 50, 80, 60, 30, 15])
    assert "3 subnets" in figure.layout.title.text
    assert figure.layout.yaxis2.range[0] < -1 / 3  # the lowest is in sight


def test_curves_go_on_from_phase_to_phase() -> None:
    curves = pd.DataFrame(
        {
            "phase": ["full", "full", "depth_1"],
            "epoch": [1, 2, 1],
            "loss": [3.0, 2.0, 2.5],
            "learning_rate": [0.1, 0.05, 0.2],
        },
        index=[0, 1, 0],  # as tables of phases are that were put together
    )
    figure = learning_figure(curves)
    traces = [(trace.name, list(trace.x), list(trace.y), list(trace.text)) for trace in figure.data]
    full, depth = ["full, epoch 1", "full, epoch 2"], ["depth_1, epoch 1"]
    assert traces == [
        ("Training loss", [1, 2], [3.0, 2.0], full),
        ("Training loss", [3], [2.5], depth),
        ("Learning rate", [1, 2], [0.1, 0.05], full),
        ("Learning rate", [3], [0.2], depth),
    ]
    assert not figure.layout.showlegend  # the axes say it
    assert [(a.text, a.x) for a in figure.layout.annotations] == [("full", 1.5), ("depth 1", 3.0)]
    assert {line.x0 for line in figure.layout.shapes} == {2.5, 3.5}
    # Names stand above the plot, not on its points.
    assert {(a.y, a.yanchor) for a in figure.layout.annotations} == {(1, "bottom")}


def test_curves_of_few_epochs_have_markers() -> None:
    curve = pd.DataFrame({"phase": "full", "epoch": range(1, 9), "loss": 1.0, "learning_rate": 0.1})
    assert {trace.mode for trace in learning_figure(curve).data} == {"lines"}
    assert {trace.mode for trace in learning_figure(curve[:2]).data} == {"lines+markers"}
