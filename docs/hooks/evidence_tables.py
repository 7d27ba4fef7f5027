"""Tables and figures in words, made from docs/evidence: no number of them stands in a page."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
from scipy.stats import t

EVIDENCE = Path(__file__).parents[1] / "evidence"
BUDGETS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    dict.fromkeys(("fashion_mnist", "eurosat"), (0.35e6, 0.65e6, 1.4e6, 2.2e6))
)
"""MACs that networks of a data set were finished for."""

_ENOUGH = 3  # seeds, for an interval
_NEAR = 0.1  # of the MACs of what they stand beside
_SHARES = ("valid", "test", "found", "gain_low", "gain_high")
_FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "mobilenet_v3_small": "MobileNetV3-Small",
        "mobilenet_v2": "MobileNetV2",
        "shufflenet_v2": "ShuffleNetV2",
        "resnet20": "ResNet-20",
        "lcnet": "LCNet",
    }
)


@cache
def read(name: str) -> pd.DataFrame:
    """A table of the evidence."""
    return pd.read_csv(EVIDENCE / f"{name}.csv")


def networks_of(name: str) -> pd.DataFrame:
    """The networks of the data set `name`, top-1 and intervals in per cent."""
    table = read("networks")
    of_set = table[table["set"] == name]
    return of_set.assign(**{column: 100 * of_set[column] for column in _SHARES})


def compared(name: str) -> pd.DataFrame:
    """The finished networks of a data set by MACs, each beside those of its cost and seed.

    The plain one is the best on validation images of at most its MACs, `plain` its name ("" where there is
    none); `random` the mean of the random ones within 10 % of its MACs that had a teacher too.
    """
    rows = networks_of(name)
    found = []
    for each in rows[rows["kind"] == "finished"].sort_values(["macs", "seed"]).to_dict("records"):
        own = {str(column): value for column, value in each.items()}
        found.append({**own, **_beside(rows[rows["seed"] == own["seed"]], own["macs"], own["macs"])})
    return pd.DataFrame(found)


def at_budgets(name: str) -> pd.DataFrame:
    """What was best on validation images within each budget of a data set, a row a budget and seed."""
    rows = networks_of(name)
    found = []
    for budget in BUDGETS[name]:
        for seed, of_seed in rows.groupby("seed"):
            within = of_seed[(of_seed["kind"] == "finished") & (of_seed["macs"] <= budget)]
            best = within.nlargest(1, "valid").to_dict("records")[0]
            beside = _beside(of_seed, budget, best["macs"])
            found.append({"budget": budget, "seed": seed, "test": best["test"], **beside})
    return pd.DataFrame(found)


def _beside(rows: pd.DataFrame, most: float, near: float) -> dict[str, object]:
    """The best plain network of at most `most` MACs, and what random ones reach that have about `near`."""
    plain = rows[(rows["kind"] == "plain") & (rows["macs"] <= most)].nlargest(1, "valid").to_dict("records")
    random = rows[(rows["kind"] == "random") & rows["taught"] & ((rows["macs"] / near - 1).abs() <= _NEAR)]
    name, test = (plain[0]["name"], plain[0]["test"]) if plain else ("", np.nan)
    return {"plain": name, "plain_test": test, "random": random["test"].mean()}


def budget_table(name: str) -> str:
    """Means over seeds at each budget: what was found, the best plain network, random ones; in Markdown."""
    lines = [
        "| MACs at most | found and finished | best plain network | points above it | "
        "random networks, finished alike | points above them |",
        "|---|---|---|---|---|---|",
    ]
    for budget, rows in at_budgets(name).groupby("budget"):
        cells = [
            f"{float(str(budget)) / 1e6:g} M",
            f"{rows['test'].mean():.1f} %",
            f"{rows['plain_test'].mean():.1f} %",
        ]
        cells.append(over_seeds(rows["test"] - rows["plain_test"]))
        cells += [f"{rows['random'].mean():.1f} %", over_seeds(rows["test"] - rows["random"])]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def finished_table(name: str) -> str:
    """Every finished network of a data set, beside plain and random ones of its seed; in Markdown."""
    lines = [
        "| finished network | seed | MACs | parameters | test top-1, as found → finished | "
        "best plain network of at most these MACs | gain, points (95 %) | "
        "a random network of these MACs, finished alike |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in compared(name).to_dict("records"):
        cells = [
            f"exit {row['exit']:.0f}, {row['resolution']:.0f} px, width {row['width']:g}",
            str(row["seed"]),
            f"{row['macs'] / 1e6:.2f} M",
            f"{row['params'] / 1e3:.0f} k",
            f"{row['found']:.1f} → {row['test']:.1f}",
            _plain(row["plain"], row["plain_test"], name, row["seed"]),
            gain_text(row["test"] - row["plain_test"], row["gain_low"], row["gain_high"]),
            f"{row['random']:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _either(names: list[str]) -> str:
    """Names that one of is meant; a family is named once."""
    family = names[0].rpartition(" ")[0]
    if len(names) == 1 or any(each.rpartition(" ")[0] != family for each in names):
        return " or ".join(names)
    *others, last = (each.rpartition(" ")[2] for each in names)
    return f"{family} {', '.join(others)} or {last}"


def short_table(name: str) -> str:
    """Means over seeds in four columns, for the README."""
    lines = [
        "| MACs at most | what NATv2 found | best plain network | points above it |",
        "|---|---|---|---|",
    ]
    for budget, rows in at_budgets(name).groupby("budget"):
        gains = over_seeds(rows["test"] - rows["plain_test"])
        names = _either(sorted({shown_name(each.removesuffix("_taught")) for each in rows["plain"]}))
        cells = (
            f"{float(str(budget)) / 1e6:g} M",
            f"**{rows['test'].mean():.1f} %**",
            f"{rows['plain_test'].mean():.1f} % ({names})",
            gains,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def seeds(name: str) -> str:
    """How many seeds there are of a data set, in words."""
    count = networks_of(name)["seed"].nunique()
    return f"{('one', 'two', 'three', 'four', 'five')[count - 1]} seed{'s' if count > 1 else ''}"


def beaten(name: str) -> str:
    """How many finished networks beat the plain one of at most their MACs beyond the noise of test images."""
    rows = compared(name)
    rows = rows[rows["plain"] != ""]
    return f"{int((rows['gain_low'] > 0).sum())} of {len(rows)}"


def random_gap(name: str) -> str:
    """By how many points random architectures are below what was found, on the mean over its networks."""
    rows = compared(name)
    return f"{(rows['test'] - rows['random']).mean():.1f}"


def test_top1(name: str, network: str) -> str:
    """Test top-1 of one network, in per cent: the mean over seeds."""
    rows = networks_of(name)
    return f"{rows[rows['name'] == network]['test'].mean():.1f}"


def top1_within(name: str, budget: float) -> str:
    """Test top-1 of what was best within a budget, in per cent: the mean over seeds."""
    rows = at_budgets(name)
    return f"{rows[rows['budget'] == budget]['test'].mean():.1f}"


def tau_table(file: str) -> str:
    """Kendall's tau between archive and finishing, beside its ceiling, from the scores in `file`."""
    from natv2.postprocess.rank import rank_table

    table = rank_table(read(file)).set_index("scope")
    rows = {
        "the archive's accuracies with those after finishing": "tau",
        "finishing by one seed with finishing by the other: the ceiling": "ceiling",
    }
    (whole, within) = (table.loc[scope].to_dict() for scope in ("all", "within a budget"))
    lines = [f"| Kendall's tau | over all {whole['networks']:.0f} | within a budget |", "|---|---|---|"]
    lines += [f"| {title} | {whole[name]:.2f} | {within[name]:.2f} |" for title, name in rows.items()]
    return "\n".join(lines)


def _plain(name: str, test: float, of_set: str, seed: int) -> str:
    if name:
        return f"{shown_name(name)}: {test:.1f}"
    rows = networks_of(of_set)
    least = rows[(rows["kind"] == "plain") & (rows["seed"] == seed)].nsmallest(1, "macs").iloc[0]
    return f"none is small enough ({least['macs'] / 1e6:.2f} M: {least['test']:.1f})"


def over_seeds(gains: pd.Series, digits: int = 1) -> str:
    """The mean and its 95 % interval over seeds (Student's t); each seed's where there are two at most."""
    known = gains.dropna()
    if len(known) < _ENOUGH:
        return ", ".join(f"{gain:.{digits}f}" for gain in known)
    low, high = t.interval(0.95, len(known) - 1, known.mean(), known.std() / np.sqrt(len(known)))
    return f"{known.mean():.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def gain_text(gain: float, low: float, high: float) -> str:
    """Points of gain with their interval; nothing where there is none."""
    return "" if np.isnan(gain) else f"{gain:.1f} ({low:.1f} to {high:.1f})"


def shown_name(name: str) -> str:
    """What people call a plain network: mobilenet_v3_small_050_taught is MobileNetV3-Small 0.5, taught."""
    bare = name.removesuffix("_taught")
    family, _, width = bare.rpartition("_")
    taught = ", taught" if name != bare else ""
    return f"{_FAMILIES.get(family, family)} {int(width) / 100:g}{taught}"


MACROS: Mapping[str, Callable[..., str]] = MappingProxyType(
    {
        each.__name__: each
        for each in (
            *(budget_table, finished_table, short_table, seeds, beaten, random_gap, test_top1, top1_within),
            tau_table,
        )
    }
)
"""What pages may call."""
