"""What a run says at its end: the table of finished networks, and where things are."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
from kedro.io import AbstractVersionedDataset, CatalogProtocol
from rich import get_console

from natv2.objectives.objectives import OBJECTIVES
from natv2.reporting.fields import Field, amount, format_values
from natv2.reporting.tables import as_text, results_table

_STEPS = "test_table"
_COMPARED = MappingProxyType(
    {
        "comparison_table": "Test top-1 (%) behind each step, all kept trainings",
        "comparison_best": "The best at each step",
    }
)

_PLACES: Mapping[str, str] = MappingProxyType(
    {
        "image_page": "Page with the images",
        "contact_sheet": "Examples of each class",
        "front_image": "Figure of the front",
        "narrow.supernet": "Supernet, narrow",
        "wide.supernet": "Supernet, wide",
        "narrow.adapted_supernet": "Adapted supernet, narrow",
        "wide.adapted_supernet": "Adapted supernet, wide",
        "finished_networks": "Finished networks",
        "results": "Their table",
        "class_results": "Class by class",
        "aep_baseline": "Single-exit network",
        "aep_ensemble": "Network with all exits",
        "aep_pruned": "Pruned network",
        "aep_early_stopping": "Network that stops early",
        "aep_results": "Table of networks",
    }
)
"""Outputs that people look for, in the order they are named."""

_COLUMNS = [
    "name",
    "method",
    "test_accuracy_before",
    "test_accuracy",
    "params",
    "macs",
    "latency",
    "resolution",
    "exit",
    "exits",
    "width",
]


_AEP = MappingProxyType(
    {
        "aep_accuracy": "Change of test top-1 against the single-exit network (%), * pruned",
        "aep_exits": "... of each exit of networks with four",
        "aep_costs": "Change of costs (%)",
    }
)
_AEP_COLUMNS = [
    "name",
    "kept",
    "test_top1",
    "test_top5",
    "params",
    "macs",
    "latency",
    "epoch_seconds",
    "top1_change",
    "params_change",
    "macs_change",
    "latency_change",
]

_SEARCHES = ("dataset", "objectives", "supernet", "preset", "seeds", "hypervolume")
_NETWORKS = ("best", "trade-off")


def is_shown(dataset: str) -> bool:
    """Whether the end of a run shows the data set of this name as a table."""
    shown = (
        "postprocess_study",
        "plan",
        "search_plan",
        "results",
        "searches_mean",
        "aep_results",
        *_AEP,
        *_COMPARED,
    )
    return dataset in shown or dataset.endswith(_STEPS)


def show_tables(saved: Mapping[str, Any]) -> None:
    """Show the rows of Table 5.3 of each width, then the finished networks, the most accurate first."""
    steps = [frame for name, frame in saved.items() if name.endswith(_STEPS)]
    if steps:
        _show("Test top-1 (%) behind each step", pd.concat(steps).dropna(axis="columns"))
    if "plan" in saved:
        whole = {"width": "both", "phase": "all"}
        _show("What each phase is expected to take", _plan(saved["plan"], whole))
    if "search_plan" in saved:
        _show("What each stage is expected to take", _plan(saved["search_plan"], {"stage": "all"}))
    for name, title in _COMPARED.items():
        if name in saved:
            shown = [column for column in saved[name].columns if not column.endswith(" sd")]
            _show(title, saved[name][shown].dropna(axis="columns", how="all"))
    if "searches_mean" in saved:
        _show("What the searches found, top-1 in %", _searches(saved["searches_mean"]))
    if "postprocess_study" in saved:
        study = saved["postprocess_study"]
        study = study.assign(lr=[f"{rate:g}" for rate in study["lr"]])
        _show("What each way to refine networks gains (points)", study)
    for name, title in _AEP.items():
        if name in saved:
            _show(title, saved[name].dropna(axis="columns", how="all"))
    if "aep_results" in saved:
        _show("", results_table(saved["aep_results"][_AEP_COLUMNS]))
    if "results" in saved:
        shown = [name for name in _COLUMNS if name in saved["results"]]
        ordered = saved["results"].sort_values("test_accuracy", ascending=False)[shown]
        _show("", results_table(ordered))


def _plan(table: pd.DataFrame, whole: dict[str, Any]) -> pd.DataFrame:
    """The plan with a row for all of it together, which `whole` names, its hours as h:mm:ss."""
    hours = [name for name in ("training", "evaluation", "test", "search") if name in table]
    sums = [name for name in ("epochs", "steps", "disk") if name == "disk" or "times" not in table]
    whole = {**whole, "memory": table["memory"].max(), **table[hours + sums].sum()}
    table = table.astype({"width": str}) if "width" in table else table
    both = pd.concat([table, pd.DataFrame([whole])], ignore_index=True)
    both["total"] = both[hours].sum(axis=1)
    for name in (*hours, "total"):
        both[name] = [str(timedelta(hours=value)).split(".")[0] for value in both[name]]
    for name in ("memory", "disk"):
        both[f"{name} (GB)"] = both.pop(name) / 1e9
    counts = ["times", "epochs", "steps", "networks"]
    return both.astype({name: "Int64" for name in counts if name in both})


def _searches(table: pd.DataFrame) -> pd.DataFrame:
    """The columns that tell the searches apart and say what they found, costs with SI prefixes."""
    costs = [f"{network} {cost}" for network in _NETWORKS for cost in OBJECTIVES]
    costs = [name for name in costs if name in table]
    shown = table.assign(**{name: format_values(table[name], Field(name, amount)) for name in costs})
    shown["hypervolume"] = [f"{value:.4f}" for value in table["hypervolume"]]  # they may differ by little
    several = table.get("settings", pd.Series(dtype=str)).nunique() > 1  # one alone tells nothing apart
    names = [
        *_SEARCHES,
        *(["settings"] if several else []),
        *(f"{network} top-1" for network in _NETWORKS),
        *costs,
        "before",
        "after",
        "test top-1",
    ]
    return shown[names].dropna(axis="columns", how="all")


def _show(title: str, table: pd.DataFrame) -> None:
    text = f"{title}\n\n{as_text(table)}" if title else as_text(table)
    get_console().print(f"\n{text}\n", markup=False, highlight=False, soft_wrap=True)


def show_places(
    catalog: CatalogProtocol[Any, Any], saved: Iterable[str], project: Path, tracking: str
) -> None:
    """Say where the saved data sets that people look for are, and where the MLflow run is."""
    names = set(saved)
    lines = [(title, _path(catalog, name, project)) for name, title in _PLACES.items() if name in names]
    for title, place in [*lines, ("MLflow run", tracking)]:
        get_console().print(f"{title + ':':<26}{place}", markup=False, highlight=False, soft_wrap=True)


def _path(catalog: CatalogProtocol[Any, Any], name: str, project: Path) -> str:
    dataset = catalog.get(name)
    if not isinstance(dataset, AbstractVersionedDataset):
        return name
    path = Path(str(dataset._get_load_path()))  # Kedro's data sets have no public name for it
    return str(path.relative_to(project)) if path.is_relative_to(project) else str(path)
