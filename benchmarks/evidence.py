"""The evidence of docs/results.md: finished networks of runs, beside plain, scaled and random ones.

    python -m benchmarks.evidence --set NAME --table FILE --figure FILE SEED=RUN...

Each RUN is a folder of data/08_reporting that has a run's results.csv and plain_results.csv, their newest
versions; its rows are added to the table, in the place of those of the same set and seed.
docs/hooks/made_text.py makes the tables of the pages from it.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from natv2.reporting.style import BLACK, BLUE, GREY, ORANGE, logarithmic_ticks

COLUMNS = [
    *("set", "seed", "kind", "name", "taught", "macs", "params", "valid", "test"),
    *("exit", "resolution", "width", "found", "gain_low", "gain_high"),
]
"""Of each network; the second line of finished ones alone, `found` the test top-1 before finishing."""

OF_FINISHED = {"accuracy_after": "valid", "test_accuracy": "test", "test_accuracy_before": "found"}
MARKS: dict[str, dict[str, Any]] = {
    "random": {"label": "random networks of the same space", "marker": "o", "s": 22, "color": GREY},
    "plain": {"label": "plain networks", "marker": "x", "s": 45, "color": BLACK, "linewidths": 1.8},
    "scaled": {"label": "plain values of the same design", "marker": "s", "s": 30, "color": ORANGE},
    "finished": {"label": "found and finished", "marker": "o", "s": 65, "color": BLUE},
}
"""How networks of each kind are drawn, the last on top."""


def newest(run: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(max(run.glob(f"{name}.csv/*/{name}.csv")))


def rows_of(run: Path, name: str, seed: int) -> pd.DataFrame:
    """The networks of a run, a row each."""
    finished, beside = newest(run, "results"), newest(run, "plain_results")
    ours = finished.assign(kind="finished", taught=finished["teacher"] != "none")
    ours = ours.rename(columns=OF_FINISHED).astype({"exit": "Int64", "resolution": "Int64"})
    others = beside.assign(taught=beside["teacher"] != "none")
    others = others.rename(columns={"valid_accuracy": "valid", "test_accuracy": "test"})
    both = pd.concat([each.reindex(columns=COLUMNS) for each in (ours, others)], ignore_index=True)
    return both.assign(set=name, seed=seed)


def drawn(table: pd.DataFrame) -> Figure:
    """Test top-1 against MACs of one set's networks; random and scaled ones only where they had a teacher."""
    figure = Figure(figsize=(7.6, 4.4), layout="constrained")
    axes = figure.subplots()
    table = table[table["taught"] | table["kind"].isin(["plain", "finished"])]
    macs, test = table["macs"] / 1e6, 100 * table["test"]
    for kind, look in MARKS.items():
        own = table["kind"] == kind
        if own.any():
            axes.scatter(macs[own], test[own], **look)
    low = float(np.floor(np.quantile(test, 0.1) - 1.5))
    ticks, _ = logarithmic_ticks(macs)
    axes.set_xscale("log")
    axes.set_xticks(ticks, [f"{tick:g} M" for tick in ticks])
    axes.minorticks_off()
    beyond = int((test < low).sum())
    unseen = f"; {beyond} below {low:.0f} % not shown" if beyond else ""
    axes.set(xlabel="multiply-accumulates for one image", ylabel="test top-1 (%)", ylim=(low, None))
    seeds = table["seed"].nunique()
    about = f"{table['set'].iloc[0]}, {seeds} seed{'s' if seeds > 1 else ''}{unseen}"
    axes.set_title(about, fontsize=10, loc="left")
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, fontsize=9, loc="outside lower center", ncols=4)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--set", required=True)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("runs", nargs="*", metavar="RUN", help="SEED=FOLDER")
    options = parser.parse_args()
    table = pd.read_csv(options.table) if options.table.exists() else pd.DataFrame(columns=COLUMNS)
    for run in options.runs:
        seed, _, folder = run.partition("=")
        same = (table["set"] == options.set) & (table["seed"] == int(seed))
        added = rows_of(Path(folder), options.set, int(seed))
        table = pd.concat([table[~same], added], ignore_index=True) if len(table) else added
    table.to_csv(options.table, index=False, float_format="%.6g")
    of_set = table[table["set"] == options.set]
    if options.figure is not None:
        drawn(of_set).savefig(options.figure, dpi=110, facecolor="white")


if __name__ == "__main__":
    main()
