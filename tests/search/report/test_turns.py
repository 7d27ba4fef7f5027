"""The panels of a search hold the history's columns."""

import json

import numpy as np
import pandas as pd
import pytest

from natv2.search.report.turns import search_figure

HISTORY = pd.DataFrame(
    {
        "turn": [0, 1, 2],
        "hypervolume": [0.5, 0.6, 0.65],
        "best_accuracy": [0.9, 0.92, 0.95],
        "pearson": [np.nan, 0.7, 0.8],
        "spearman": [np.nan, 0.6, 0.75],
        "kendall": [np.nan, 0.5, 0.55],
        "rmse": [np.nan, 0.03, 0.02],
    }
)


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_curves_are_the_columns(rows: int) -> None:
    history = HISTORY.iloc[:rows]
    figure = search_figure(history)
    shown = {trace.name: trace for trace in figure.data}
    for name, panel, values in (
        ("Hypervolume", "y", history["hypervolume"]),
        ("Pearson", "y2", history["pearson"]),
        ("Spearman", "y2", history["spearman"]),
        ("Kendall", "y2", history["kendall"]),
        ("Best accuracy", "y3", 100 * history["best_accuracy"]),
    ):
        assert list(shown[name].x) == history["turn"].tolist()
        assert list(shown[name].y) == pytest.approx(values.tolist(), nan_ok=True)
        assert shown[name].yaxis == panel
    assert len(figure.data) == 5
    # What is missing is null in the file, which viewers leave out.
    stored = json.loads(figure.to_json())["data"]
    assert [trace["y"][0] for trace in stored[1:4]] == [None] * 3 if rows else [[]] * 3


def test_error_is_shown_in_percentage_points() -> None:
    assert "RMSE 3.00 percentage points" in search_figure(HISTORY).data[1].text


def test_the_reference_point_is_told_in_the_figures_units() -> None:
    summary = {"objectives": ["macs", "accuracy"], "hypervolume": {"reference": [5_984_001.6, 0.648]}}
    (note,) = search_figure(HISTORY, summary).layout.annotations
    assert note.text == "Reference point: MACs (M) 5.98, Validation top-1 (%) 35.20"


def test_the_cross_validated_kendall_lies_in_its_interval() -> None:
    history = HISTORY.assign(
        cv_kendall=[np.nan, 0.5, 0.6], cv_low=[np.nan, 0.4, 0.5], cv_high=[np.nan, 0.7, 0.8]
    )
    shown = {trace.name: trace for trace in search_figure(history).data}
    line, band = shown["Kendall, cross-validated"], shown["Kendall, cross-validated: interval"]
    assert list(line.y) == pytest.approx([np.nan, 0.5, 0.6], nan_ok=True)
    assert (list(band.x), list(band.y)) == ([1, 2, 2, 1], [0.7, 0.8, 0.5, 0.4])
    assert line.yaxis == band.yaxis == "y2"
    assert line.text[1] == "0.400 to 0.700"


def test_the_predictors_of_the_turns_are_counted() -> None:
    history = HISTORY.assign(predictor=["rbf", "lightgbm", "rbf"], cv_kendall=0.5, cv_low=0.4, cv_high=0.6)
    figure = search_figure(history)
    (note,) = figure.layout.annotations
    assert note.text == "Predictor (turns): rbf (2), lightgbm (1)"
    line = next(trace for trace in figure.data if trace.name == "Kendall, cross-validated")
    assert line.text[1] == "0.400 to 0.600 lightgbm"
