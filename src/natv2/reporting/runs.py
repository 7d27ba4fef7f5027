"""Which rows of many runs count, and what they are on average."""

from collections.abc import Sequence

import pandas as pd


def newest(rows: pd.DataFrame, same: Sequence[str]) -> pd.DataFrame:
    """Of `rows` that agree in the columns `same`, those of the newest run; `run` sorts runs by time."""
    found: pd.DataFrame = rows[rows["run"] == rows.groupby(list(same))["run"].transform("max")]
    return found


def mean_over_seeds(
    table: pd.DataFrame, same: Sequence[str], values: Sequence[str], spread: Sequence[str], digits: int
) -> pd.DataFrame:
    """A row for each group that agrees in the columns `same`: `seeds`, the means of `values`, and deviations.

    Columns "... sd" are the standard deviations of those named in `spread`, missing for one seed; `run` names
    all runs of the group, the newest first.
    """
    groups = table.groupby(list(same), sort=True)
    means = groups[list(values)].mean().round(digits)
    deviations = groups[list(spread)].std().round(digits).add_suffix(" sd")
    runs = groups["run"].agg(lambda each: " ".join(sorted(set(each), reverse=True)))
    return pd.concat([groups.size().rename("seeds"), means, deviations, runs], axis=1).reset_index()
