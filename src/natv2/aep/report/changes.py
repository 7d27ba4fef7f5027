"""Runs of AEP as percentage changes against their own single-exit networks (thesis, Equation 4.4)."""

from collections.abc import Mapping, Sequence
from typing import Literal

import pandas as pd

from natv2.exits.weightings import EXIT_WEIGHTINGS
from natv2.objectives.objectives import OBJECTIVES
from natv2.reporting.runs import newest

Variant = Literal["single", "ensemble", "pruned"]

EXPERIMENT = ["network", "dataset", "scenario", "resolution", "weights", "extras"]
"""What tells one experiment from another; runs that differ in their seed alone are of the same one."""

TOP1 = "test_top1"
COSTS: Mapping[str, str] = {
    **{name: OBJECTIVES[name].title for name in ("params", "macs", "latency")},
    "epoch_seconds": "Time per epoch",
}
"""What networks are charged with in Tables 4.8 to 4.10, and how these call it."""

_LABELS = {"train": "TR", "finetune": "FT"}
_VALUES = [TOP1, *COSTS]


def percentage_change(new: pd.Series, old: pd.Series) -> pd.Series:
    """(new - old) / |old| · 100 (Equation 4.4); missing where `old` is zero or either is missing."""
    return 100 * (new - old) / old.abs().where(old != 0)


def newest_runs(results: pd.DataFrame) -> pd.DataFrame:
    """The rows of the newest run of each experiment and seed, scenarios named as in Table 4.5 ('TR-64').

    Where one experiment was run with several settings (a quick try with few epochs, say), these are added
    to its extras: it then is as many experiments.

    `results` has a row for each variant of the network of each run: EXPERIMENT (scenario 'train' or
    'finetune'; extras empty or missing for the thesis's own method), settings, seed, run (ascending: newer),
    variant, exits, test_top1 and exit_1, exit_2, … (fractions), the columns of COSTS; others are left out.
    """
    exits = exit_columns(results)
    wanted = [*EXPERIMENT, "settings", "seed", "run", "variant", "exits", *_VALUES, *exits]
    runs = results.reindex(columns=wanted)
    for name in ("extras", "settings"):  # a CSV file cannot tell an empty text from a missing one
        runs[name] = runs[name].astype(object).where(runs[name].notna(), "")
    several = runs.groupby(EXPERIMENT)["settings"].transform("nunique") > 1
    apart = (runs["extras"] + " settings " + runs["settings"]).str.strip()
    runs["extras"] = runs["extras"].where(~several, apart)
    runs = newest(runs, [*EXPERIMENT, "seed"]).astype(dict.fromkeys([*_VALUES, *exits], float))
    learning, pixels = runs["scenario"].replace(_LABELS), runs["resolution"].astype(int)
    # Lists: columns of text have another type where a frame has no rows.
    labels = [f"{name}-{size}" for name, size in zip(learning, pixels, strict=True)]
    names = [_series(*row) for row in zip(runs["variant"], runs["weights"], runs["extras"], strict=True)]
    return runs.assign(scenario=labels, series=names)


def changes(runs: pd.DataFrame, *, of: Sequence[Variant], base: Variant = "single") -> pd.DataFrame:
    """The rows of the variants `of`, their values as percentage changes against `base` of the same run.

    `runs` are those of `newest_runs`. The top-1 of each exit is compared with that of the whole `base`
    network. A run without `base` has nothing to be compared with and is left out.
    """
    key = [*EXPERIMENT, "seed", "run"]
    found = runs[runs["variant"].isin(list(of))]
    found = found.merge(runs.loc[runs["variant"] == base, [*key, *_VALUES]], on=key, suffixes=("", "_base"))
    for name in exit_columns(found):
        found[name] = percentage_change(found[name], found[f"{TOP1}_base"])
    for name in _VALUES:
        found[name] = percentage_change(found[name], found[f"{name}_base"])
    return found.drop(columns=[f"{name}_base" for name in _VALUES])


def exit_columns(frame: pd.DataFrame) -> list[str]:
    """Those columns of `frame` that hold the top-1 of one exit, the shallowest first."""
    numbers = [str(name).removeprefix("exit_") for name in frame.columns if str(name).startswith("exit_")]
    return [f"exit_{number}" for number in sorted(map(int, filter(str.isdigit, numbers)))]


def scenarios(frame: pd.DataFrame) -> list[str]:
    """The scenarios of `frame` in the thesis's order: from scratch first, then large images before small."""
    return sorted(
        set(frame["scenario"]), key=lambda label: (label.startswith("FT"), -pixels_of(label), label)
    )


def pixels_of(scenario: str) -> int:
    """The resolution that the label of a scenario ends with, in pixels: 64 of 'TR-64'."""
    return int(scenario.rpartition("-")[2])


def columns(frame: pd.DataFrame, *, of: Sequence[Variant] = ("ensemble", "pruned")) -> list[str]:
    """The columns of a table of `frame`: of each of the variants `of` the thesis's four, then its extras."""
    own: list[tuple[str, str]] = [(weights, "") for weights in EXIT_WEIGHTINGS]
    others = set(zip(frame["weights"], frame["extras"], strict=True)) - set(own)
    ways = own + sorted(others, key=lambda way: (way[1], EXIT_WEIGHTINGS.index(way[0])))
    return [_series(variant, *way) for variant in of for way in ways]


def pooled(frame: pd.DataFrame, name: str) -> list[str]:
    """For each row of `frame` the name of its series where weights make no difference: 'EE', 'EE extras'."""
    return [f"{name} {extras}".strip() for extras in frame["extras"]]


def _series(variant: str, weights: str, extras: str) -> str:
    """What a table calls a variant: 'SE', 'EEmix', pruned 'EEmix*', then its extras."""
    star = "*" if variant == "pruned" else ""
    name = "SE" if variant == "single" else f"EE{weights.lower()}{star}"
    return f"{name} {extras}".strip()
