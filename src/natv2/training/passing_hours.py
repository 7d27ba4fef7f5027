"""The hours that pass while a plan's table comes true."""

import pandas as pd

HOURS = ("training", "evaluation", "test", "search")
"""Columns of plans: what the time of a row is made of."""

AT_ONCE = "at_once"
"""The column that says how many supernets are trained at the same time, one a rank."""


def passing_hours(table: pd.DataFrame) -> dict[str, float]:
    """The hours that all rows take, by column; of supernets trained at once the longer of a phase."""
    columns = [name for name in HOURS if name in table]
    if AT_ONCE in table and (table[AT_ONCE] > 1).all():
        table = table.loc[table[columns].sum(axis=1).groupby(table["phase"]).idxmax()]
    return {name: float(table[name].sum()) for name in columns}
