"""What a run says at its end: tables and places, of the entries whose metadata in the catalog ask for it."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
from kedro.io import AbstractVersionedDataset, CatalogProtocol
from rich import get_console

from natv2.export.report.shown import shown
from natv2.objectives.objectives import OBJECTIVES
from natv2.reporting.fields import Field, amount, format_values
from natv2.reporting.tables import as_text, results_table

_HOURS = ("training", "evaluation", "test", "search")
_UNEQUAL = ("test_macro", "largest_class")
_FINISHED = ("name", "method", "test_accuracy_before", "test_accuracy", *_UNEQUAL, "best_plain", "gain")
_ALSO_FINISHED = ("latency_of", "resolution", "exit", "exits", "width")
_MULTI_EXIT = ("name", "kept", "test_top1", "test_top5", *_UNEQUAL)
_CHANGES = ("top1", "params", "macs", "latency")
_SEARCHES = ("dataset", "objectives", "supernet", "preset", "seeds", "hypervolume")
_FOUND = ("best", "trade-off")
_REFINED = ("before", "after", "test top-1")


def told(catalog: CatalogProtocol[Any, Any], name: str) -> Mapping[str, Any]:
    """What the catalog's metadata say of the entry `name`, for people."""
    dataset = catalog.get(name) if name in catalog else None
    return getattr(dataset, "metadata", None) or {}


def show_tables(catalog: CatalogProtocol[Any, Any], saved: Mapping[str, Any]) -> None:
    """Show the saved tables that have a title in the catalog; those of one title together."""
    titled: dict[str, list[pd.DataFrame]] = {}
    for name, data in saved.items():
        title = told(catalog, name).get("table")
        if title is not None:
            shape = _SHAPES.get(name, _plain)
            titled.setdefault(title, []).append(shape(data))
    for title, frames in titled.items():
        table = pd.concat(frames).dropna(axis="columns", how="all")
        text = f"{title}\n\n{as_text(table)}" if title else as_text(table)
        get_console().print(f"\n{text}\n", markup=False, highlight=False, soft_wrap=True)


def show_places(
    catalog: CatalogProtocol[Any, Any], saved: Iterable[str], project: Path, tracking: str
) -> None:
    """Say where the saved entries that have a place in the catalog are, and where the MLflow run is."""
    for title, place in [*places(catalog, saved, project), ("MLflow run", tracking)]:
        get_console().print(f"{title + ':':<26}{place}", markup=False, highlight=False, soft_wrap=True)


def places(catalog: CatalogProtocol[Any, Any], saved: Iterable[str], project: Path) -> list[tuple[str, str]]:
    """Titles and paths, relative to the project, of the saved entries that have a place in the catalog."""
    named = ((told(catalog, name).get("place"), name) for name in saved)
    return [(place, _path(catalog, name, project)) for place, name in named if place is not None]


def show_sentences(catalog: CatalogProtocol[Any, Any], saved: Mapping[str, Any]) -> None:
    """Show the saved texts that the catalog says are to be said."""
    for name, text in saved.items():
        if told(catalog, name).get("said"):
            get_console().print(f"{text}\n", markup=False, highlight=False, soft_wrap=True)


def _path(catalog: CatalogProtocol[Any, Any], name: str, project: Path) -> str:
    dataset = catalog.get(name)
    if not isinstance(dataset, AbstractVersionedDataset):
        return name
    path = Path(str(dataset._get_load_path()))  # Kedro's data sets have no public name for it
    return str(path.relative_to(project)) if path.is_relative_to(project) else str(path)


# ── what is shown of a table that says more ──────────────────────────────────────────────────────


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
    whole = {"stage": "all"} if "stage" in table else {"width": "both", "phase": "all"}
    hours = [name for name in _HOURS if name in table]
    sums = [name for name in ("epochs", "steps", "disk") if name == "disk" or "times" not in table]
    whole |= {"memory": table["memory"].max(), **table[hours + sums].sum()}
    table = table.astype({"width": str}) if "width" in table else table
    both = pd.concat([table, pd.DataFrame([whole])], ignore_index=True)
    both["total"] = both[hours].sum(axis=1)
    for name in (*hours, "total"):
        both[name] = _clock(both[name])
    for name in ("memory", "disk"):
        both[f"{name} (GB)"] = both.pop(name) / 1e9
    counts = ["times", "epochs", "steps", "networks"]
    return both.astype({name: "Int64" for name in counts if name in both})


def _finishing_plan(table: pd.DataFrame) -> pd.DataFrame:
    """Its hours as h:mm:ss."""
    return table.assign(training=_clock(table["training"]))


def _clock(hours: pd.Series) -> list[str]:
    return [str(timedelta(hours=value)).split(".")[0] for value in hours]


def _searches(table: pd.DataFrame) -> pd.DataFrame:
    """The columns that tell the searches apart and say what they found, costs with SI prefixes."""
    costs = [f"{network} {cost}" for network in _FOUND for cost in OBJECTIVES]
    costs = [name for name in costs if name in table]
    shown = table.assign(**{name: format_values(table[name], Field(name, amount)) for name in costs})
    shown["hypervolume"] = [f"{value:.4f}" for value in table["hypervolume"]]  # they may differ by little
    several = table.get("settings", pd.Series(dtype=str)).nunique() > 1  # one alone tells nothing apart
    settings = ["settings"] if several else []
    found = [f"{network} top-1" for network in _FOUND]
    return _with_runs(shown[[*_SEARCHES, *settings, *found, *costs, *_REFINED, "run"]])


def _finished(table: pd.DataFrame) -> pd.DataFrame:
    """Finished networks, the most accurate first, with what they gain on plain ones."""
    columns = (*_FINISHED, *OBJECTIVES, *_ALSO_FINISHED)
    shown = [name for name in columns if name in table and name != "accuracy"]
    ordered = table.sort_values("test_accuracy", ascending=False)
    if "gain" in ordered:
        gains = ordered[["gain", "gain_low", "gain_high"]].mul(100).itertuples(index=False)
        told = [f"{gain:+.1f} ({low:+.1f} to {high:+.1f})" for gain, low, high in gains]
        ordered = ordered.assign(gain=pd.Series(told, ordered.index).where(ordered["gain"].notna()))
    return results_table(ordered[shown])


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
        "results": _finished,
        "aep_results": _multi_exit,
        "export_table": shown,
        "aep_export_table": shown,
    }
)
