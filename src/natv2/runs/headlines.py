"""The few numbers that a run is known by, under one name whatever the run: `result/test_top1` and others."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import pandas as pd

from natv2.objectives.metric import metric_of
from natv2.objectives.objectives import ACCURACY, OBJECTIVES
from natv2.runs.findings import best_finished
from natv2.shrinking.report.phases import STEPS

_ALWAYS = ("supernet", "preset")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_. -]")  # of MLflow's metrics


def headlines(saved: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of the best network in the tables that are `saved`, what is finished before what is found.

    Accuracies and gains are fractions, accuracies under the name of their metric; the best is that on
    validation images, where these are known. `found_` is an accuracy on these as a search saw it, `valid_`
    that of a finished network.
    """
    found: dict[str, float] = {}
    for name, numbers in _NUMBERS.items():
        for entry, table in saved.items():
            if entry.rpartition(".")[2] == name and isinstance(table, pd.DataFrame) and len(table):
                new = {each: value for each, value in numbers(table).items() if pd.notna(value)}
                if name == "test_table" and "test_top1" in found:  # the better of both widths
                    new["test_top1"] = max(new["test_top1"], found["test_top1"])
                found |= new
    return {f"result/{name}": value for name, value in found.items()}


def _costs(network: pd.Series) -> dict[str, float]:
    return {name: float(network[name]) for name in OBJECTIVES if name != ACCURACY and name in network}


def _supernet(table: pd.DataFrame) -> dict[str, float]:
    best = [table[f"{step} best"] for step in STEPS if f"{step} best" in table]
    last = next(column for column in reversed(best) if column.notna().any())
    return {"test_top1": float(last.max()) / 100}


def _turns(history: pd.DataFrame) -> dict[str, float]:
    return {"hypervolume": float(history["hypervolume"].iloc[-1])}


def _searches(table: pd.DataFrame) -> dict[str, float]:
    """The hypervolume of each search by its name, on one scale: that of its own run has a box of its own."""
    names = ("supernet", "preset", "dataset", "objectives", "searched_exits", "settings")
    telling = [name for name in names if name in _ALWAYS or table[name].nunique() > 1]
    found: dict[str, float] = {}
    for row in table.to_dict("records"):
        words = [*(str(row[name]) for name in telling), f"s{row['seed']}"]
        found[f"hypervolume/{_NOT_IN_NAMES.sub('_', ' '.join(words))}"] = float(row["hypervolume"])
    return found


def _front(front: pd.DataFrame) -> dict[str, float]:
    best = front.sort_values(ACCURACY, ascending=False).iloc[0]
    return {f"found_{metric_of(best.to_dict())}": float(best[ACCURACY]), **_costs(best)}


def _multi_exit(table: pd.DataFrame) -> dict[str, float]:
    pruned = table[table["variant"] == "pruned"]
    row = (pruned if len(pruned) else table).iloc[-1]
    return {"valid_top1": float(row["valid_top1"]), "test_top1": float(row["test_top1"]), **_costs(row)}


def _finished(results: pd.DataFrame) -> dict[str, float]:
    best = best_finished(results)
    metric = metric_of(best.to_dict())
    found = {f"valid_{metric}": float(best["accuracy_after"]), f"test_{metric}": float(best["test_accuracy"])}
    gain = {"gain": float(best["gain"])} if pd.notna(best.get("gain")) else {}
    return {**found, **_costs(best), **gain}


_NUMBERS: Mapping[str, Callable[[pd.DataFrame], dict[str, float]]] = MappingProxyType(
    {
        "searches_table": _searches,
        "test_table": _supernet,
        "search_history": _turns,
        "front": _front,
        "aep_results": _multi_exit,
        "results": _finished,
    }
)
"""By entry, of either width; the later ones count."""
