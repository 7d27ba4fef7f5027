"""Tables and figures in words, made from docs/evidence: no number of them stands in a page."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

EVIDENCE = Path(__file__).parents[1] / "evidence"
_NEAR = 0.1  # of the MACs of what they stand beside, as in benchmarks/evidence.py
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
def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(EVIDENCE / f"{name}.csv")


def networks_of(name: str) -> pd.DataFrame:
    """The networks of the data set `name`, top-1 in per cent."""
    table = _read("networks")
    of_set = table[table["set"] == name]
    return of_set.assign(valid=100 * of_set["valid"], test=100 * of_set["test"])


def compared(name: str) -> pd.DataFrame:
    """The finished networks of a data set by MACs, each beside the plain and random ones of its cost.

    The plain one is the best on validation images of at most its MACs, `plain` its name ("" where there is
    none); `random` the mean of the random ones within 10 % of its MACs that had a teacher too.
    """
    rows = networks_of(name)
    known = _read("architectures").drop(columns=["set", "seed"])
    plain, random = rows[rows["kind"] == "plain"], rows[(rows["kind"] == "random") & rows["taught"]]
    found = []
    for each in rows[rows["kind"] == "finished"].sort_values("macs").to_dict("records"):
        within = plain[plain["macs"] <= each["macs"]]
        near = random[(random["macs"] / each["macs"] - 1).abs() <= _NEAR]
        best = within.nlargest(1, "valid").to_dict("records")
        plain_name, plain_test = (best[0]["name"], best[0]["test"]) if best else ("", np.nan)
        own = {str(column): value for column, value in each.items()}
        found.append({**own, "plain": plain_name, "plain_test": plain_test, "random": near["test"].mean()})
    return pd.DataFrame(found).merge(known, on="name")


def finished_table(name: str) -> str:
    """What was finished on a data set beside plain and random networks, in Markdown."""
    lines = [
        "| finished network | MACs | parameters | test top-1, as found → finished | "
        "best plain network of at most these MACs | gain, points (95 %) | "
        "a random network of these MACs, finished alike |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in compared(name).to_dict("records"):
        cells = [
            f"exit {row['exit']}, {row['resolution']} px, width {row['width']:g}",
            f"{row['macs'] / 1e6:.2f} M",
            f"{row['params'] / 1e3:.0f} k",
            f"{row['found']:.1f} → {row['test']:.1f}",
            _plain(row["plain"], row["plain_test"], name),
            _gain(row["test"] - row["plain_test"], row["gain_low"], row["gain_high"]),
            f"{row['random']:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def short_table(name: str) -> str:
    """The same in four columns, for the README."""
    lines = [
        "| MACs | parameters | what NATv2 found | best plain network of at most these MACs |",
        "|---|---|---|---|",
    ]
    for row in compared(name).to_dict("records"):
        plain = _plain(row["plain"], row["plain_test"], name)
        cells = (
            f"{row['macs'] / 1e6:.2f} M",
            f"{row['params'] / 1e3:.0f} k",
            f"**{row['test']:.1f} %**",
            plain,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def random_gap(name: str) -> str:
    """By how many points random architectures are below what was found, on the mean over its networks."""
    rows = compared(name)
    return f"{(rows['test'] - rows['random']).mean():.1f}"


def test_top1(name: str, network: str) -> str:
    """Test top-1 of one network, in per cent."""
    rows = networks_of(name)
    return f"{rows[rows['name'] == network]['test'].item():.1f}"


def tau_table(file: str) -> str:
    """Kendall's tau between archive and finishing, beside its ceiling, from the scores in `file`."""
    from natv2.postprocess.rank import rank_table

    table = rank_table(_read(file)).set_index("scope")
    rows = {
        "the archive's accuracies with those after finishing": "tau",
        "finishing by one seed with finishing by the other: the ceiling": "ceiling",
    }
    (whole, within) = (table.loc[scope].to_dict() for scope in ("all", "within a budget"))
    lines = [f"| Kendall's tau | over all {whole['networks']:.0f} | within a budget |", "|---|---|---|"]
    lines += [f"| {title} | {whole[name]:.2f} | {within[name]:.2f} |" for title, name in rows.items()]
    return "\n".join(lines)


def _plain(name: str, test: float, of_set: str) -> str:
    if name:
        return f"{shown_name(name)}: {test:.1f}"
    rows = networks_of(of_set)
    least = rows[rows["kind"] == "plain"].nsmallest(1, "macs").iloc[0]
    return f"none is small enough ({least['macs'] / 1e6:.2f} M: {least['test']:.1f})"


def _gain(gain: float, low: float, high: float) -> str:
    return "" if np.isnan(gain) else f"{gain:.1f} ({low:.1f} to {high:.1f})"


def shown_name(name: str) -> str:
    """What people call a plain network: mobilenet_v3_small_050_taught is MobileNetV3-Small 0.5, taught."""
    bare = name.removesuffix("_taught")
    family, _, width = bare.rpartition("_")
    taught = ", taught" if name != bare else ""
    return f"{_FAMILIES.get(family, family)} {int(width) / 100:g}{taught}"


MACROS: Mapping[str, Callable[..., str]] = MappingProxyType(
    {each.__name__: each for each in (finished_table, short_table, random_gap, test_top1, tau_table)}
)
"""What pages may call."""
