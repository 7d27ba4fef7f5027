"""One page about a supernet's training: what it was tested to, how it got there."""

import pandas as pd
import plotly.graph_objects as go

from natv2.reporting.page import page

_ROW = ["phase", "subnets", "mean", "best", "worst"]
_IN_THE_TITLE = ["supernet", "width", "schedule", "teacher"]


def training_page(
    rows: pd.DataFrame,
    table: pd.DataFrame,
    accuracy: go.Figure,
    probes: pd.DataFrame,
    health: go.Figure,
    curves: pd.DataFrame,
    learning: go.Figure,
    test_rows: pd.DataFrame,
    test_table: pd.DataFrame,
) -> str:
    """All of a supernet's training on one page, for people; nothing reads it back.

    `rows` and `test_rows` have a row a tested subnet, `table` and `test_table` are their means and bests by
    step (`shrinking_table`); `probes` and `curves` stand there as the figures `health` and `learning`.
    """
    first = rows.iloc[0]
    return page(
        f"{first['supernet']}, width {first['width']:g}, {first['schedule']}, teacher {first['teacher']}, "
        f"on {first['source']}",
        {
            "Test top-1 (%) after each step": test_table.drop(columns=_IN_THE_TITLE),
            "Validation top-1 (%) after each step": table.drop(columns=_IN_THE_TITLE),
            "Subnets tested after each phase, validation top-1 (%)": _by_phase(rows),
            "Subnets tested after each step, test top-1 (%)": _by_phase(test_rows),
        },
        {"Accuracy by phase": accuracy, "Health": health, "Learning": learning},
    )


def _by_phase(rows: pd.DataFrame) -> pd.DataFrame:
    groups = (100 * rows.set_index("phase")["accuracy"]).groupby(level=0, sort=False)
    table = groups.agg(subnets="size", mean="mean", best="max", worst="min").reset_index()
    found: pd.DataFrame = table[_ROW]
    return found
