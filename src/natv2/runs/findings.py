"""What a run has found, in one sentence: the first thing that it says at its end."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import pandas as pd

from natv2.objectives.metric import Metric, metric_of
from natv2.objectives.objectives import ACCURACY, OBJECTIVES, lower_title
from natv2.objectives.titles import accuracy_word
from natv2.reporting.fields import FORMATS, amount
from natv2.runs.table_shapes import clock, whole_hours
from natv2.shrinking.report.phases import STEPS

_TESTED: Mapping[Metric, str] = MappingProxyType(
    {
        "top1": "is right about {} of the test images",
        "macro": "has a test macro accuracy of {}",
    }
)


def finding(saved: Mapping[str, Any]) -> str | None:
    """The sentence on what came last of what is `saved`; None where there is nothing to say."""
    for name, says in _SENTENCES.items():
        tables = [data for entry, data in saved.items() if entry.rpartition(".")[2] == name]
        found = [table for table in tables if isinstance(table, pd.DataFrame) and len(table)]
        if found:
            return says(pd.concat(found, ignore_index=True))
    return None


def best_finished(results: pd.DataFrame) -> pd.Series:
    """The row of the finished network that is the most accurate on validation images, if these are known."""
    best: pd.Series = results.sort_values("accuracy_after", ascending=False, kind="stable").iloc[0]
    return best


def costs_in_words(network: pd.Series) -> str:
    """What a network costs: 1.2 M parameters and 3.4 M MACs."""
    words = []
    for name, row in OBJECTIVES.items():
        if name != ACCURACY and name in network and pd.notna(network[name]):
            value = float(network[name])
            title = lower_title(row.title)
            number = amount(value) if not row.unit else f"{FORMATS[row.format](value)} {row.unit}"
            words.append(f"{number} {title}" if not row.unit else f"{number} of {title}")
    return ", ".join(words[:-1]) + (" and " if words[1:] else "") + words[-1] if words else "unknown costs"


def _finished(results: pd.DataFrame) -> str:
    best = best_finished(results)
    count = f"{len(results)} finished networks; the best" if len(results) > 1 else "a finished network"
    tested = _TESTED[metric_of(best.to_dict())].format(f"{100 * best['test_accuracy']:.1f} %")
    return f"Found: {count}, {best['name']}, {tested} with {costs_in_words(best)}."


def _front(front: pd.DataFrame) -> str:
    ordered = front.sort_values(ACCURACY, ascending=False)
    best, least = ordered.iloc[0], ordered.iloc[-1]
    high = f"{100 * best[ACCURACY]:.1f} % validation {accuracy_word(front)} with {costs_in_words(best)}"
    if "feasible" in front and not front["feasible"].any():
        return f"Found: no network that keeps the constraints; the closest have up to {high}."
    if len(front) == 1:
        return f"Found: one network, {high}."
    low = f"{100 * least[ACCURACY]:.1f} % with {costs_in_words(least)}"
    return f"Found: a front of {len(front)} networks, from {low} to {high}."


def _supernets(table: pd.DataFrame) -> str:
    words = []
    for row in table.to_dict("records"):
        step = next(step for step in reversed(STEPS) if pd.notna(row.get(f"{step} mean")))
        mean, best = row[f"{step} mean"], row[f"{step} best"]
        words.append(f"{mean:.1f} % on average and {best:.1f} % at best at width {float(row['width']):g}")
    several = len(table) > 1
    return (
        f"Trained: {len(table) if several else 'a'} supernet{'s' * several} of {table['supernet'].iloc[0]}; "
        f"test top-1 of the networks in {'them' if several else 'it'}: {'; '.join(words)}."
    )


def _multi_exit(table: pd.DataFrame) -> str:
    of = table.set_index("variant")
    network = table.iloc[-1] if "pruned" not in of.index else of.loc[["pruned"]].iloc[0]
    text = f"Found: {network['name']} has {_tested(network)}"
    alone = f"; with one exit alone {_tested(of.loc[['single']].iloc[0])}" if "single" in of.index else ""
    return f"{text}{alone}."


def _tested(network: pd.Series) -> str:
    return f"{100 * network['test_top1']:.1f} % test top-1 with {costs_in_words(network)}"


def _exported(table: pd.DataFrame) -> str:
    holds, failed = int(table["holds"].sum()), int(table["failed"].sum())
    others = len(table) - holds - failed
    words = [f"{holds} of {len(table)} files are proven to be their networks"]
    words += [f"{others} left out"] if others else []
    words += [f"{failed} not"] if failed else []
    return f"Exported: {', '.join(words)}."


def _beside(plan: pd.DataFrame) -> str:
    several = len(plan) != 1
    return f"Trained: {len(plan)} plain network{'s' * several} beside what the search has found."


def _planned(what: str) -> Callable[[pd.DataFrame], str]:
    return lambda plan: f"Expected: {what} will take about {clock(whole_hours(plan))} here."


_SENTENCES: Mapping[str, Callable[[pd.DataFrame], str]] = MappingProxyType(
    {
        "results": _finished,
        "aep_results": _multi_exit,
        "export_table": _exported,
        "aep_export_table": _exported,
        "baseline_plan": _beside,
        "front": _front,
        "test_table": _supernets,
        "search_plan": _planned("natv2_search"),
        "plan": _planned("ofav2_eps"),
    }
)
"""By entry, of either width, what comes last in the journey first."""
