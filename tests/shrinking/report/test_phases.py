"""The table of a shrinking is what counting by hand gives."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from natv2.shrinking.report.page import training_page
from natv2.shrinking.report.phases import STEPS, shrinking_figure, shrinking_table


def subnets(supernet: str, width: float, teacher: str, phases: dict[str, list[float]]) -> pd.DataFrame:
    steps = {"full": "resolution"}
    rows = [(phase, accuracy) for phase, accuracies in phases.items() for accuracy in accuracies]
    return pd.DataFrame(
        [
            {
                "supernet": supernet,
                "width": width,
                "schedule": "eps",
                "teacher": teacher,
                "phase": phase,
                "step": steps.get(phase, phase.split("_")[0]),
                "resolution": 64,
                "exit": "ensemble" if phase == "full" else 5,
                "accuracy": accuracy,
            }
            for phase, accuracy in rows
        ]
    )


ROWS = pd.concat(
    [
        # Phases in no order: which is the last is in their names.
        subnets(
            "EE_B",
            1.0,
            "fixed",
            {"exit_4": [0.2, 0.5], "full": [0.1, 0.3], "exit_1": [0.9], "kernel": [0.25]},
        ),
        subnets("EE_B", 1.2, "fixed", {"full": [0.4], "kernel": [0.5, 0.7], "exit_4": [0.6]}),
        subnets("SE_P", 1.0, "progressive", {"full": [0.33334], "level_1": [0.1], "level_2": [0.2, 0.4]}),
    ],
    ignore_index=True,
)


def test_table_holds_mean_and_best_of_the_last_phase_of_each_step() -> None:
    table = shrinking_table(ROWS).set_index(["supernet", "width", "schedule", "teacher"])
    assert table.columns.tolist() == [f"{step} {kind}" for step in STEPS for kind in ("mean", "best")]
    expected: dict[Any, dict[str, tuple[float, float]]] = {
        ("EE_B", 1.0, "eps", "fixed"): {"resolution": (20, 30), "kernel": (25, 25), "exit": (35, 50)},
        ("EE_B", 1.2, "eps", "fixed"): {"resolution": (40, 40), "kernel": (60, 70), "exit": (60, 60)},
        ("SE_P", 1.0, "eps", "progressive"): {"resolution": (33.33, 33.33), "level": (30, 40)},
    }
    assert len(table) == len(expected)
    for name, row in zip(table.index, table.to_dict("records"), strict=True):
        for step in STEPS:
            pair = expected[name].get(step, (np.nan, np.nan))
            assert (row[f"{step} mean"], row[f"{step} best"]) == pytest.approx(pair, nan_ok=True)


def test_figure_has_a_panel_a_width_and_the_range_of_all_subnets() -> None:
    figure = shrinking_figure(ROWS[ROWS["supernet"] == "EE_B"])
    assert [annotation.text for annotation in figure.layout.annotations] == ["Width 1.0", "Width 1.2"]
    assert figure.layout.title.text == "Extended Progressive Shrinking: EE_B, eps, teacher fixed"
    narrow = {trace.name: trace for trace in figure.data if trace.xaxis == "x"}
    assert list(narrow["mean"].x) == ["full", "kernel", "exit 1", "exit 4"]
    assert list(narrow["mean"].y) == pytest.approx([20, 25, 90, 35])
    assert list(narrow["best"].y) == pytest.approx([30, 25, 90, 50])
    assert list(narrow["best"].customdata) == [2, 1, 1, 2]
    assert list(narrow["range"].y) == pytest.approx([10, 25, 90, 20, 50, 90, 25, 30])
    wide = {trace.name: trace for trace in figure.data if trace.xaxis == "x2"}
    assert list(wide["mean"].y) == pytest.approx([40, 60, 60])
    assert list(figure.layout.xaxis.categoryarray) == ["full", "kernel", "exit 1", "exit 4"]


def test_supernets_and_teachers_have_their_own_colour() -> None:
    figure = shrinking_figure(pd.concat([ROWS, ROWS.assign(teacher="progressive")]).drop_duplicates())
    colours = {trace.name: trace.line.color for trace in figure.data if trace.name.endswith(": mean")}
    assert len(colours) == 3
    assert len(set(colours.values())) == 3
    # What all have in common is told once, by the title.
    assert figure.layout.title.text == "Extended Progressive Shrinking: eps"
    assert colours.keys() == {
        f"{each}: mean"
        for each in ("EE_B, teacher fixed", "EE_B, teacher progressive", "SE_P, teacher progressive")
    }


def test_the_page_says_once_whose_training_it_is() -> None:
    rows = ROWS[ROWS["width"] == 1.2].assign(source="digits")
    table, empty = shrinking_table(rows), go.Figure()
    html = training_page(rows, table, empty, rows[:0], empty, rows[:0], empty, rows, table)
    assert html.count("EE_B, width 1.2, eps, teacher fixed, on digits") == 2  # title and heading
    assert "<th>exit best</th>" in html and "<th>supernet</th>" not in html


@pytest.mark.parametrize("rows", [0, 1])
def test_small_frames_are_taken(rows: int) -> None:
    part = ROWS.iloc[:rows]
    table, figure = shrinking_table(part), shrinking_figure(part)
    assert table.shape == (rows, 4 + 2 * len(STEPS))
    assert len(figure.data) == 3 * rows
    if rows:
        assert table.loc[0, "exit mean"] == 20


def test_unknown_steps_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'colour'.*resolution, kernel"):
        shrinking_table(ROWS.assign(step="colour"))
