"""What finished networks are worth at budgets of MACs, beside plain, scaled and random ones.

    python -m benchmarks.evidence --set NAME --budgets 0.35e6,0.65e6 --table FILE --figure FILE SEED=RUN...

Each RUN is a folder of data/08_reporting that has a run's results.csv and plain_results.csv, their newest
versions; its rows are added to the table, in the place of those of the same set and seed. Without a RUN the
table that is there is told anew. Networks are chosen by validation top-1, and told by test top-1.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

COLUMNS = ["set", "seed", "kind", "name", "taught", "macs", "params", "valid", "test"]
NEAR = 0.1
MARKS = {"finished": "o", "plain": "x", "scaled": "s", "random": "."}


def newest(run: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(max(run.glob(f"{name}.csv/*/{name}.csv")))


def rows_of(run: Path, name: str, seed: int) -> pd.DataFrame:
    """The networks of a run, a row each."""
    finished, beside = newest(run, "results"), newest(run, "plain_results")
    ours = finished.assign(kind="finished", taught=finished["teacher"] != "none")
    ours = ours.rename(columns={"accuracy_after": "valid", "test_accuracy": "test"})
    others = beside.assign(taught=beside["teacher"] != "none")
    others = others.rename(columns={"valid_accuracy": "valid", "test_accuracy": "test"})
    return pd.concat([ours, others]).assign(set=name, seed=seed)[COLUMNS]


def at_budget(rows: pd.DataFrame, budget: float) -> dict[str, float]:
    """Test top-1 of each kind within `budget`, of one seed; random ones are those near what was found."""
    within = rows[rows["macs"] <= budget]
    found: dict[str, float] = {}
    for kind in ("finished", "plain", "scaled"):
        known = within[within["kind"] == kind]
        if len(known):
            best = known.nlargest(1, "valid").iloc[0]
            found |= {kind: float(best["test"]), f"{kind}_macs": float(best["macs"])}
    if "finished" in found:
        near = (rows["macs"] / found["finished_macs"] - 1).abs() <= NEAR
        random = rows[(rows["kind"] == "random") & near & rows["taught"]]["test"]
        if len(random):
            found |= {"random": random.mean(), "random_count": len(random)}
    return found


def lines(table: pd.DataFrame, budgets: Sequence[float]) -> Iterator[str]:
    """A row of Markdown a budget: means over seeds, ± their deviation where there are several."""
    yield "| MACs | finished | best plain | scaled | random (how many) | over plain | over random |"
    yield "|---|---|---|---|---|---|---|"
    for budget in budgets:
        seeds = pd.DataFrame([at_budget(rows, budget) for _, rows in table.groupby("seed")])
        cells = [f"{budget / 1e6:g} M"]
        cells += [told(seeds.get(kind)) for kind in ("finished", "plain", "scaled")]
        count = int(seeds["random_count"].sum()) if "random_count" in seeds else 0
        cells.append(f"{told(seeds.get('random'))} ({count})")
        for other in ("plain", "random"):
            cells.append(told(seeds["finished"] - seeds[other], "+") if other in seeds else "–")
        yield f"| {' | '.join(cells)} |"


def told(values: pd.Series | None, sign: str = "") -> str:
    if values is None or values.dropna().empty:
        return "–"
    known = 100 * values.dropna()
    spread = f" ± {known.std():.1f}" if len(known) > 1 else ""
    return f"{known.mean():{sign}.1f}{spread}"


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
    parser.add_argument("--budgets", required=True, help="of MACs, separated by commas")
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
    print("\n".join(lines(of_set, [float(each) for each in options.budgets.split(",")])))
    if options.figure is not None:
        draw(of_set, options.figure)


if __name__ == "__main__":
    main()
