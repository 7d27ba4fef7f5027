"""Searches side by side: what each found, on one scale (thesis, section 6.3.3)."""

from typing import Any

import numpy as np
import pandas as pd

from natv2.objectives.metric import MACRO_ACCURACY, named_objectives
from natv2.objectives.objectives import ACCURACY, OBJECTIVES, as_costs, others
from natv2.objectives.titles import accuracy_word
from natv2.reporting.runs import mean_over_seeds, newest
from natv2.search.moo.indicators import Hypervolume

TASK = ["source", "dataset", "objectives"]
"""Searches that agree in these were after the same: their networks can be compared.

The objectives of a search have the name of its metric for accuracy (`named_objectives`).
"""

SEARCH = [*TASK, "supernet", "preset", "searched_exits", "settings"]
"""What tells one search from another; runs that differ in their seed alone are the same one."""

_AFTER = ["accuracy_after", "test_accuracy"]
_EXITS = ["kept", "leaving"]  # of networks with several
_NETWORK = ["resolution", "width", "exit", *_EXITS, "params", "macs", "accuracy_before"]
"""Columns of results that tell a network from others."""

_BEFORE = {"params": "params_before", "macs": "macs_before", ACCURACY: "accuracy_before"}
"""Columns of a front, and of results what a finished network was when it was found."""

_DIGITS = 9
_SPREAD = ("hypervolume", "best", "trade-off", "test")
"""Values whose deviation is told, by the first words of their columns' names: the others are of accuracy."""


def searched_networks(fronts: pd.DataFrame, summaries: pd.DataFrame, finished: pd.DataFrame) -> pd.DataFrame:
    """The front of every search, a row a network, with what post-processing made of it where it did.

    `fronts` and `finished` are the rows of `front` and `results` of all runs, `summaries` has a row for each
    `search_summary`; their column `run` sorts runs by time. Of several searches with the same seed the newest
    counts. Gives the columns of `fronts`, SEARCH (objectives in one order, joined by +), seed, and
    accuracy_after and test_accuracy (fractions; missing where a network was not finished).
    """
    named = _named(summaries)
    networks = fronts.merge(newest(named, [*SEARCH, "seed"]), on="run")
    own = networks["objectives"].str.split("+").map(lambda names: ACCURACY not in names)
    if own.any():
        networks.loc[own, MACRO_ACCURACY] = networks.loc[own, ACCURACY]
    if finished.empty:
        return networks.assign(**dict.fromkeys(_AFTER, np.nan))
    return _with_finished(networks, finished)


def finished_networks(networks: pd.DataFrame, finished: pd.DataFrame) -> pd.DataFrame:
    """The newest result of each method for each network of `networks` (`searched_networks`): a row each.

    `finished` are the rows of `results` of all runs, those of `searched_networks`. Gives their columns, with
    SEARCH, seed and run of the newest search before them that found such a network. Without any: no columns.
    """
    if finished.empty:
        return pd.DataFrame()
    names = ["resolution", "width", *_BEFORE.values()]
    networks, finished = _with_exits(networks), _with_exits(finished)
    same = [*names, *_EXITS]
    searches = networks[["resolution", "width", *_EXITS, *_BEFORE, *SEARCH, "seed", "run"]]
    searches = searches.rename(columns=_BEFORE)
    results = finished.rename(columns={"run": "finished_in"}).reindex(
        columns=[*dict.fromkeys([*finished.columns.drop("run"), *names, "finished_in", "method"])]
    )
    for frame in (results, searches):
        frame["accuracy_before"] = frame["accuracy_before"].astype(float).round(_DIGITS)
    pairs = results.dropna(subset=names).merge(searches, on=same)
    pairs = newest(pairs[pairs["finished_in"] >= pairs["run"]], ["finished_in"])
    pairs = pairs.sort_values("finished_in", kind="stable")
    return pairs.drop_duplicates([*same, "run", "method"], keep="last", ignore_index=True)


def searches_table(networks: pd.DataFrame) -> pd.DataFrame:
    """A row a search and seed: its hypervolume and its best networks, accuracies in per cent.

    `networks` are those of `searched_networks`. Columns: SEARCH, seed, run, networks (of the front),
    hypervolume; "best ..." is the most accurate network of the front, "trade-off ..." the most accurate high
    trade-off one (validation), "before", "after" (validation) and "test top-1" those of the finished network
    that is the most accurate in validation. Where accuracy is not top-1 it has its own name there. The
    hypervolumes of one task have the same ideal and reference point, those of all its fronts together.
    """
    rows, word = list[dict[str, Any]](), accuracy_word(networks)
    for _, found in networks.groupby(TASK):
        objectives = tuple(str(found["objectives"].iloc[0]).split("+"))
        measure = Hypervolume.from_archive(as_costs(found, objectives))
        for _, front in found.groupby("run"):
            same = {name: front[name].iloc[0] for name in (*SEARCH, "seed", "run")}
            volume = round(measure.value(as_costs(front, objectives)), 4)
            rows.append({**same, "networks": len(front), "hypervolume": volume, **_best(front, word)})
    return pd.DataFrame(rows).sort_values([*SEARCH, "seed"], ignore_index=True)


def searches_mean(table: pd.DataFrame) -> pd.DataFrame:
    """A row a search: the number of its seeds, its runs, means of `searches_table`, some deviations."""
    values = [name for name in table.columns if name not in (*SEARCH, "seed", "run")]
    costs = others(tuple(OBJECTIVES))
    spread = [name for name in values if name.startswith(_SPREAD) and name.split(" ")[-1] not in costs]
    return mean_over_seeds(table, SEARCH, values, spread, digits=4)


def _named(summaries: pd.DataFrame) -> pd.DataFrame:
    """The columns run, SEARCH and seed of `summaries`, filled where those of earlier versions have none."""
    named = summaries.reindex(columns=["run", *SEARCH, "seed"])
    order = list(OBJECTIVES).index
    named["objectives"] = [
        "+".join(named_objectives({**row, "objectives": sorted(row["objectives"], key=order)}))
        for row in summaries.to_dict("records")
    ]
    missing = {"preset": "none", "searched_exits": "one", "settings": "", "source": "unknown", "seed": 0}
    for name, value in missing.items():
        named[name] = named[name].astype(object).where(named[name].notna(), value)
    return named.astype({"seed": int})


def _with_finished(networks: pd.DataFrame, finished: pd.DataFrame) -> pd.DataFrame:
    """`networks` with their last results: of the newest search before them that has such networks.

    Results say which network they are of by what it is and by its accuracy before; networks that were given
    other exits are others.
    """
    # A CSV file may lose the last digit of a fraction.
    networks = _with_exits(networks.assign(accuracy_before=networks[ACCURACY].round(_DIGITS)))
    results = _with_exits(finished)[[*_NETWORK, *_AFTER, "run"]].rename(columns={"run": "finished_in"})
    results["accuracy_before"] = results["accuracy_before"].round(_DIGITS)
    pairs = results.merge(networks[[*_NETWORK, "run"]], on=_NETWORK)
    pairs = pairs[pairs["finished_in"] >= pairs["run"]]
    pairs = newest(pairs, ["finished_in"]).sort_values("finished_in", kind="stable")
    last = pairs.drop_duplicates([*_NETWORK, "run"], keep="last").drop(columns="finished_in")
    return networks.merge(last, how="left", on=[*_NETWORK, "run"]).drop(columns="accuracy_before")


def _with_exits(networks: pd.DataFrame) -> pd.DataFrame:
    """`networks` with the columns of several exits: empty where there is one, whoever wrote the table."""
    kept = networks.get("kept", pd.Series(np.nan, networks.index)).astype(object)
    leaving = networks.get("leaving", pd.Series(np.nan, networks.index)).astype(float)
    several = kept.astype(str).str.contains("-")
    return networks.assign(kept=kept.where(several), leaving=leaving)


def _best(front: pd.DataFrame, word: str) -> dict[str, Any]:
    """What `searches_table` says of the networks of one front, accuracy being called `word`."""
    row: dict[str, Any] = {}
    for name, networks in (("best", front), ("trade-off", front[front["high_tradeoff"].eq(True)])):
        best = networks.nlargest(1, ACCURACY)
        row[f"{name} {word}"] = _percent(best[ACCURACY])
        row |= {f"{name} {cost}": best[cost].max() for cost in others(tuple(OBJECTIVES)) if cost in front}
    finished = front.dropna(subset="accuracy_after").nlargest(1, "accuracy_after")
    told = (("before", ACCURACY), ("after", "accuracy_after"), (f"test {word}", "test_accuracy"))
    for name, column in told:
        row[name] = _percent(finished[column])
    return row


def _percent(fractions: pd.Series) -> float:
    """The only one of `fractions`, if any, in per cent."""
    return round(100 * float(fractions.max()), 2)
