"""How long each step of a run may take, from plans that were made of the same, where there are any."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

import pandas as pd
from kedro.io import CatalogProtocol

from natv2.baselines.plan import FINISHING, PLAIN_NETWORKS, PRETRAINED_NETWORKS
from natv2.runs.parameters import Parameters

_HOUR = 3600
_WIDTHS = ("narrow", "wide")
_STEPS: Mapping[str, str] = {
    "latency table": "costs",
    "warm-up of both supernets": "warm_up_supernets",
    "first archive": "search",
    "turns": "search",
    PLAIN_NETWORKS: "train_baselines",
    PRETRAINED_NETWORKS: "train_baselines",
    FINISHING: "finish_networks",
}
"""The step in which a stage of a plan passes; stages of one width name it at their end."""


def planned(
    steps: Collection[str], catalog: CatalogProtocol[Any, Any], parameters: Parameters, ranks: int = 1
) -> Mapping[str, float]:
    """Seconds of those of `steps` that plans tell of; none where a plan of a long one is missing.

    On as many `ranks` as there are widths the steps of the first take the time of both, which is the longer.
    A plan of other epochs or turns than `parameters` ask for is none, nor is one that cannot be read.
    """
    found = defaultdict[str, float](float)
    for entry, read in (("plan", _phases), ("search_plan", _stages), ("finishing_plan", _stages)):
        with suppress(Exception):  # whatever is wrong with a plan, no run ends for what is only a guess
            if (table := _newest(catalog, entry)) is not None and _as_asked(table, parameters):
                for step, seconds in read(table):
                    found[step] += seconds
    long = [step for step in steps if _is_long(step)]
    if ranks == len(_WIDTHS):
        _at_once(found, steps)
    return found if long and all(step in found for step in long) else {}


def _at_once(found: dict[str, float], steps: Collection[str]) -> None:
    """Move the time of steps that each width has, and this run for both, to those of the first."""
    first, second = _WIDTHS
    for step in steps:
        other = step.replace(first, second)
        if other != step and other in steps and step in found and other in found:
            found[step], found[other] = max(found[step], found[other]), 0.0


def _newest(catalog: CatalogProtocol[Any, Any], entry: str) -> pd.DataFrame | None:
    return catalog.load(entry) if entry in catalog and catalog.exists(entry) else None


def _as_asked(table: pd.DataFrame, parameters: Parameters) -> bool:
    """Whether a plan has the epochs and turns that are asked for, where it says any."""
    phases, warm_up, search = parameters.eps.phases, parameters.search.warm_up, parameters.search
    asked = {
        "warm-up of both supernets": warm_up.supernet_epochs,
        "turns": search.adaptation.epochs,
        FINISHING: parameters.postprocess.full.epochs,
    }
    for row in table.to_dict("records"):
        epochs = getattr(phases, row["phase"]).epochs if "phase" in row else asked.get(row["stage"])
        if epochs is not None and epochs != row["epochs"]:
            return False
        if row.get("stage") == "turns" and row["times"] != search.turns:
            return False
    return True


def _phases(table: pd.DataFrame) -> list[tuple[str, float]]:
    """Steps of supernets' training: each phase of each width, and the tests at its end."""
    names = dict(zip(sorted(table["width"].unique()), _WIDTHS, strict=False))
    found = []
    for row in table.to_dict("records"):
        name = names[row["width"]]
        found.append((f"{name}.{row['phase']}", _HOUR * (row["training"] + row["evaluation"])))
        found.append((f"{name}.test", _HOUR * row["test"]))
    return found


def _stages(table: pd.DataFrame) -> list[tuple[str, float]]:
    hours = table.filter(items=["training", "evaluation", "search"]).sum(axis=1)
    widths = sorted({stage.rpartition(" ")[2] for stage in table["stage"] if ", width " in stage}, key=float)
    steps = dict(_STEPS)
    for width, name in zip(widths, _WIDTHS, strict=False):
        for kind in ("the largest network", "new heads"):
            steps[f"warm-up of {kind}, width {width}"] = f"warm_up_largest_{name}"
    return [(steps[stage], _HOUR * hour) for stage, hour in zip(table["stage"], hours, strict=True)]


def _is_long(step: str) -> bool:
    """Whether a run cannot be told without `step`: it trains or searches."""
    name = step.rpartition(".")[2]
    return name in {"search", "train_baselines", "finish_networks"} or (
        step != name and name not in {"report", "test", "page"}
    )
