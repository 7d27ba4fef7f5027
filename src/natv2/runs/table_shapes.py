"""What the terminal shows of tables that say more: a shape for each such entry of the catalog."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pandas as pd

from natv2.export.report.shown import shown
from natv2.objectives.objectives import ACCURACY, OBJECTIVES, others
from natv2.reporting.fields import Field, amount, format_values
from natv2.reporting.tables import results_table
from natv2.training.passing_hours import AT_ONCE, HOURS, passing_hours

_UNEQUAL = ("test_macro", "largest_class")
_FINISHED = (
    *("name", "method", "test_accuracy_before", "test_accuracy", "test_top1", *_UNEQUAL),
    *("best_plain", "gain"),
)
_ALSO_FINISHED = ("latency_of", "resolution", "exit", "kept", "leaving", "exits", "width")
_MULTI_EXIT = ("name", "kept", "test_top1", "test_top5", *_UNEQUAL)
_CHANGES = ("top1", "params", "macs", "latency")
_SEARCHES = ("dataset", "objectives", "supernet", "preset", "seeds", "hypervolume")
_FOUND = ("best", "trade-off")
_FRONT = ("resolution", "exit", "kept", "exit_weighting", "leaving", "width")
_REFINED = ("before", "after")


def shaped(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """What is shown of `table`, the entry `name`."""
    return _SHAPES.get(name, _plain)(table)


def clock(hours: float) -> str:
    """`hours` as h:mm:ss."""
    return str(timedelta(hours=hours)).split(".")[0]


def whole_hours(table: pd.DataFrame) -> float:
    """The hours that all of a plan's `table` takes."""
    return sum(passing_hours(table).values())


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """All but how far means over seeds spread, and runs where there is one alone."""
    return _with_runs(table[[column for column in table.columns if not str(column).endswith(" sd")]])


def _with_runs(table: pd.DataFrame) -> pd.DataFrame:
    """`table` with the newest run of each row and how many more it has; without, where all are of one run."""
    if "run" not in table:
        return table
    others = table.drop(columns="run")
    named = [str(runs).split() for runs in table["run"]]
    if len({tuple(runs) for runs in named}) < 2:
        return others
    return others.assign(run=[f"{newest} +{len(more)}" if more else newest for newest, *more in named])


def _plan(table: pd.DataFrame) -> pd.DataFrame:
    """A plan with a row for all of it together, its hours as h:mm:ss."""
    at_once = AT_ONCE in table and (table[AT_ONCE] > 1).all()
    widths = "both at once" if at_once else "both"
    whole: dict[str, Any] = {"stage": "all"} if "stage" in table else {"width": widths, "phase": "all"}
    hours = [name for name in HOURS if name in table]
    sums = [name for name in ("epochs", "steps", "disk") if name == "disk" or "times" not in table]
    whole |= {"memory": table["memory"].max(), **table[sums].sum(), **passing_hours(table)}
    table = table.drop(columns=AT_ONCE, errors="ignore")
    table = table.astype({"width": str}) if "width" in table else table
    both = pd.concat([table, pd.DataFrame([whole])], ignore_index=True)
    both["total"] = both[hours].sum(axis=1)
    for name in (*hours, "total"):
        both[name] = [clock(value) for value in both[name]]
    for name in ("memory", "disk"):
        both[f"{name} (GB)"] = both.pop(name) / 1e9
    counts = ["times", "epochs", "steps", "networks"]
    return both.astype({name: "Int64" for name in counts if name in both})


def _finishing_plan(table: pd.DataFrame) -> pd.DataFrame:
    """Its hours as h:mm:ss."""
    return table.assign(training=[clock(value) for value in table["training"]])


def _searches(table: pd.DataFrame) -> pd.DataFrame:
    """The columns that tell the searches apart and say what they found, costs with SI prefixes."""
    costs = [f"{network} {cost}" for network in _FOUND for cost in others(tuple(OBJECTIVES))]
    costs = [name for name in costs if name in table]
    shown = table.assign(**{name: format_values(table[name], Field(name, amount)) for name in costs})
    shown["hypervolume"] = [f"{value:.4f}" for value in table["hypervolume"]]  # they may differ by little
    several = table.get("settings", pd.Series(dtype=str)).nunique() > 1  # one alone tells nothing apart
    settings = ["settings"] if several else []
    if (table.get("searched_exits", pd.Series(dtype=str)) == "many").any():
        settings = ["searched_exits", *settings]
    # What accuracy is called stands in its columns: best top-1, test top-1.
    word = next(str(name) for name in table if str(name).startswith("test ")).removeprefix("test ")
    found = [f"{network} {word}" for network in _FOUND]
    return _with_runs(shown[[*_SEARCHES, *settings, *found, *costs, *_REFINED, f"test {word}", "run"]])


def _finished(table: pd.DataFrame) -> pd.DataFrame:
    """Finished networks, the most accurate first, with what they gain on plain ones."""
    columns = (*_FINISHED, *OBJECTIVES, *_ALSO_FINISHED)
    shown = [name for name in (*columns, "metric") if name in table and name != "accuracy"]
    ordered = table.sort_values("test_accuracy", ascending=False)
    if "gain" in ordered:
        gains = ordered[["gain", "gain_low", "gain_high"]].mul(100).itertuples(index=False)
        told = [f"{gain:+.1f} ({low:+.1f} to {high:+.1f})" for gain, low, high in gains]
        ordered = ordered.assign(gain=pd.Series(told, ordered.index).where(ordered["gain"].notna()))
    return results_table(ordered[shown])


def _front(table: pd.DataFrame) -> pd.DataFrame:
    """The high trade-off networks and the most accurate one: what finishing begins with."""
    best = table.index == table[ACCURACY].idxmax()
    chosen = table[table["high_tradeoff"].eq(True) | best]
    columns = [name for name in (*OBJECTIVES, *_FRONT, "metric") if name in table]
    return results_table(chosen.sort_values(ACCURACY, ascending=False)[columns])


def _multi_exit(table: pd.DataFrame) -> pd.DataFrame:
    changes = [f"{name}_change" for name in _CHANGES]
    costs = [name for name in OBJECTIVES if name in table]
    shown = [name for name in _MULTI_EXIT if name in table]
    return results_table(table[[*shown, *costs, "epoch_seconds", *changes]])


def _rates(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(lr=[f"{rate:g}" for rate in table["lr"]])


_SHAPES: Mapping[str, Callable[[pd.DataFrame], pd.DataFrame]] = MappingProxyType(
    {
        "plan": _plan,
        "search_plan": _plan,
        "finishing_plan": _finishing_plan,
        "searches_mean": _searches,
        "postprocess_study": _rates,
        "front": _front,
        "results": _finished,
        "aep_results": _multi_exit,
        "export_table": shown,
        "aep_export_table": shown,
    }
)
