"""Tables say what the frames say, in people's units."""

import numpy as np
import pandas as pd
import pytest

from natv2.reporting.fields import amount
from natv2.reporting.tables import as_text, fitted_text, results_table


@pytest.mark.parametrize(
    ("value", "text"),
    [(7_664_760, "7.66 M"), (412_345, "412 k"), (999_999, "1 M"), (12, "12"), (5.66e9, "5.66 G")],
)
def test_amounts_have_three_digits_and_a_prefix(value: float, text: str) -> None:
    assert amount(value) == text


def test_results_table_has_units_and_a_fixed_order(finished: pd.DataFrame) -> None:
    table = results_table(finished[finished.columns[::-1]].assign(unknown=1))
    assert table.columns.tolist() == [
        "Network",
        "Method",
        "Validation top-1 before (%)",
        "Validation top-1 after (%)",
        "Test top-1 before (%)",
        "Test top-1 (%)",
        "Parameters",
        "MACs (M)",
        "Resolution (px)",
        "Exit",
        "Width",
    ]
    costs = (["300 k", "6.00", "56", "2", "1.2"], ["800 k", "4.00", "64", "4", "1.2"])
    assert table.iloc[0].tolist() == ["first", "standard", "90.00", "96.00", "88.00", "95.00", *costs[0]]
    assert table.iloc[1].tolist() == ["second", "aep", "93.00", "–", "–", "97.00", *costs[1]]


def test_results_table_keeps_texts_and_the_number_of_rows() -> None:
    table = results_table(pd.DataFrame({"exit": ["ensemble", 5, np.nan]}, index=[7, 7, 7]))
    assert table["Exit"].tolist() == ["ensemble", "5", "–"]
    assert results_table(pd.DataFrame({"params": [], "unknown": []})).columns.tolist() == ["Parameters"]


def test_text_has_a_line_a_row_and_shows_every_value(finished: pd.DataFrame) -> None:
    lines = as_text(results_table(finished)).splitlines()
    rule = next(i for i, line in enumerate(lines) if set(line) == {"─"})
    assert sorted(" ".join(lines[:rule]).split()) == sorted(" ".join(results_table(finished).columns).split())
    assert len(lines) == rule + 1 + len(finished)
    assert max(map(len, lines)) < 130
    expected = ["first", "standard", "90.00", "96.00", "88.00", "95.00", "300", "k", "6.00", "56", "2", "1.2"]
    assert lines[-2].split() == expected
    assert lines[-1].split()[3:5] == ["–", "–"]


def test_text_takes_plain_frames_and_leaves_brackets_alone() -> None:
    frame = pd.DataFrame({"name": ["[red]x", "y" * 300], "score": [1.234, np.nan], "n": [3, 4]})
    lines = as_text(frame).splitlines()
    assert lines[2].split() == ["[red]x", "1.23", "3"]
    assert lines[3].split() == ["y" * 300, "–", "4"]
    assert as_text(frame.iloc[:0]).split()[:3] == ["name", "score", "n"]


def steps(rows: int) -> pd.DataFrame:
    named = {"supernet": ["EE_D"] * rows, "width": [1.0] * rows}
    return pd.DataFrame(named | {f"step {n} mean": [n + 0.5] * rows for n in range(12)})


@pytest.mark.parametrize("rows", [1, 2, 4])
def test_a_table_of_few_rows_that_is_too_wide_is_turned(rows: int) -> None:
    lines = fitted_text(steps(rows), 80).splitlines()
    assert lines[0].split() == ["supernet", *["EE_D"] * rows]
    assert lines[2].split() == ["width", *["1.00"] * rows]
    assert lines[-1].split() == ["step", "11", "mean", *["11.50"] * rows]
    assert len(lines) == 2 + 13 and max(map(len, lines)) <= 80
    assert fitted_text(steps(rows), 400) == as_text(steps(rows))


def test_a_table_of_many_rows_that_is_too_wide_is_continued_below_and_loses_nothing() -> None:
    frame = steps(9).assign(supernet=[f"network_{n}" for n in range(9)])
    text = fitted_text(frame, 60)
    parts = text.split("\n\n")
    assert len(parts) > 1 and max(map(len, text.splitlines())) <= 60
    assert all(part.count("network_") == 9 for part in parts)
    words = " ".join(text.split())
    assert words.count("11.50") == words.count("0.50") - words.count("10.50") == 9


def test_a_value_that_is_wider_than_the_screen_is_not_cut() -> None:
    frame = pd.DataFrame({"name": ["a"] * 9, "path": ["x" * 90] * 9, "n": range(9)})
    assert fitted_text(frame, 40).count("x" * 90) == 9


def test_accuracies_have_the_name_of_their_metric(finished: pd.DataFrame) -> None:
    usual = results_table(finished).columns.tolist()
    macro = results_table(finished.assign(metric="macro")).columns.tolist()
    assert macro == [name.replace("top-1", "macro accuracy") for name in usual] != usual
    both = pd.concat([finished, finished.assign(metric="macro")])
    assert results_table(both).columns.tolist() == [name.replace("top-1", "accuracy") for name in usual]
    beside = results_table(finished.assign(metric="macro", test_top1=0.5))
    assert beside["Test top-1 (%)"].tolist() == ["50.00"] * len(finished)
