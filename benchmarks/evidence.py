"""The evidence of docs/results.md: finished networks of runs, beside plain, scaled and random ones.

    python -m benchmarks.evidence --set NAME --table FILE --figure FILE SEED=RUN...

Each RUN is a folder of data/08_reporting that has a run's results.csv and plain_results.csv, their newest
versions; its rows are added to the table, in the place of those of the same set and seed.
docs/hooks/made_text.py makes the tables of the pages from it.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

COLUMNS = [
    *("set", "seed", "kind", "name", "taught", "macs", "params", "valid", "test"),
    *("exit", "resolution", "width", "found", "gain_low", "gain_high"),
]
"""Of each network; the second line of finished ones alone, `found` the test top-1 before finishing."""

OF_FINISHED = {"accuracy_after": "valid", "test_accuracy": "test", "test_accuracy_before": "found"}
MARKS = {"finished": "o", "plain": "x", "scaled": "s", "random": "."}


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


def draw(table: pd.DataFrame, file: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 4.5))
    for kind, mark in MARKS.items():
        known = table[(table["kind"] == kind) & (table["taught"] | (kind == "plain"))]
        axes.scatter(known["macs"] / 1e6, 100 * known["test"], marker=mark, label=kind, s=30)
    axes.set_xscale("log")
    low = np.quantile(100 * table["test"], 0.1) - 3
    axes.set(xlabel="MACs (M)", ylabel="test top-1 (%)", ylim=(low, None))
    axes.legend()
    figure.savefig(file, dpi=110, bbox_inches="tight")


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
        draw(of_set, options.figure)


if __name__ == "__main__":
    main()
