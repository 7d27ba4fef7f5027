"""The hours that pass while a plan's table comes true."""

import pandas as pd

HOURS = ("training", "evaluation", "test", "search")
"""Columns of plans: what the time of a row is made of."""

AT_ONCE = "at_once"
"""The column that says how many supernets are trained at the same time, one a rank."""


def passing_hours(table: pd.DataFrame) -> dict[str, float]:
    """The hours that all rows take, by column."""
    rows = passing(table)
    return {name: float(rows[name].sum()) for name in HOURS if name in table}


def passing(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `table` whose time passes: of supernets that are trained at once the longer of a phase."""
    if AT_ONCE not in table or (table[AT_ONCE] == 1).all():
        return table
    hours = table[[name for name in HOURS if name in table]].sum(axis=1)
    return table.loc[hours.groupby(table["phase"]).idxmax().sort_values()]
