"""The tables of chapter 4: what naive loops over runs give, and what the thesis prints."""

import io
import itertools
import math
import statistics

import numpy as np
import pandas as pd
import pytest

from natv2.aep.report.changes import newest_runs
from natv2.aep.report.tables import (
    accuracy_table,
    costs_table,
    exits_table,
    pruning_table,
    runs_table,
    scenarios_table,
    spread_table,
    summary_table,
    trade_offs,
)
from natv2.pipelines.aep_compare.pipeline import create_pipeline

TABLES = (
    accuracy_table,
    summary_table,
    pruning_table,
    exits_table,
    costs_table,
    scenarios_table,
    spread_table,
    trade_offs,
    runs_table,
)
EE = ["EEdesc", "EEasc", "EEmix", "EEunif"]
STARRED = [f"{name}*" for name in EE]
KEY = ("network", "dataset", "scenario", "resolution", "weights", "extras", "seed")
LABEL = {"train": "TR", "finetune": "FT"}


def run(key: tuple, name: str, accuracies: dict[str, float], **values: object) -> list[dict]:
    """The rows of one run, one for each variant in `accuracies`."""
    same = {"params": 1000, "macs": 2000, "latency": 4.0, "epoch_seconds": 8.0, "exits": 4, **values}
    named = {**same, **dict(zip(KEY, key, strict=True)), "run": name}
    return [{**named, "variant": variant, "test_top1": top1} for variant, top1 in accuracies.items()]


def study(keep: float = 1.0) -> pd.DataFrame:
    """Random runs of three networks (C has five exits) in all scenarios, some twice; `keep` of them."""
    generator = np.random.default_rng(3)
    scenarios = [("train", 64), ("train", 224), ("finetune", 64), ("finetune", 224)]
    ways = [("DESC", ""), ("ASC", ""), ("MIX", ""), ("UNIF", ""), ("UNIF", "outputs=search")]
    every = itertools.product("ABC", "xy", scenarios, ways, [0, 1])
    rows = []
    for number, (network, dataset, scenario, way, seed) in enumerate(every):
        for again in range(generator.integers(1, 3)):
            if generator.uniform() > keep:
                continue
            for variant in ("single", "ensemble", "pruned"):
                top1, params, macs, latency, seconds, *exits = generator.uniform(0.5, 1, size=9)
                (row,) = run(
                    (network, dataset, *scenario, *way, seed),
                    f"{again}-{number:03}",
                    {variant: top1},
                    params=params,
                    macs=macs,
                    latency=latency,
                    epoch_seconds=math.nan if variant == "pruned" else seconds,
                    exits=5 if network == "C" else 4,
                )
                rows.append(row | {f"exit_{i}": value for i, value in enumerate(exits, start=1)})
    return pd.DataFrame(rows)


def newest(results: pd.DataFrame) -> dict[tuple, dict[str, dict]]:
    """The variants of the newest run of each network, dataset, scenario ('TR-64'), weights, extras, seed."""
    found: dict[tuple, dict[str, dict[str, dict]]] = {}
    for row in results.to_dict("records"):
        label = f"{LABEL[row['scenario']]}-{row['resolution']}"
        key = (row["network"], row["dataset"], label, row["weights"], row["extras"], row["seed"])
        found.setdefault(key, {}).setdefault(row["run"], {})[row["variant"]] = row
    return {key: runs[max(runs)] for key, runs in found.items()}


def of(runs, **wanted):
    """Those of `newest` runs whose keys have these values."""
    names = ("network", "dataset", "scenario", "weights", "extras", "seed")
    places = [(names.index(name), value) for name, value in wanted.items()]
    return {key: run for key, run in runs.items() if all(key[place] == value for place, value in places)}


def naive(runs, new, old, *, column="test_top1", base="test_top1") -> float:
    """Equation 4.4, averaged over seeds (and what else a pair has), then over pairs."""
    pairs: dict[tuple, list[float]] = {}
    for key, run in runs.items():
        change = (run[new][column] - run[old][base]) / abs(run[old][base]) * 100
        pairs.setdefault(key[:2], []).append(change)
    return statistics.fmean(map(statistics.fmean, pairs.values())) if pairs else math.nan


def way(name: str) -> tuple[dict[str, str], str]:
    """What the column of an EE network stands for: its weights and extras, and its variant."""
    mode, _, extras = name.partition(" ")
    weights = mode.strip("*").removeprefix("EE").upper()
    return {"weights": weights, "extras": extras}, "pruned" if "*" in mode else "ensemble"


def close(value: float):
    return pytest.approx(value, abs=5.1e-4, nan_ok=True)  # printed with three decimals


@pytest.fixture(scope="module", params=[1.0, 0.4], ids=["all", "some missing"])
def results(request) -> pd.DataFrame:
    return study(request.param)


@pytest.fixture(scope="module")
def runs(results) -> dict[tuple, dict[str, dict]]:
    return newest(results)


def test_accuracies_are_those_of_a_loop(results, runs):
    table = accuracy_table(results)
    expected = ["scenario", "by", "name", *EE, "EEunif outputs=search", *STARRED, "EEunif* outputs=search"]
    assert table.columns.tolist() == expected
    assert list(dict.fromkeys(table["scenario"])) == ["TR-224", "TR-64", "FT-224", "FT-64"]
    assert table["name"].tolist() == ["A", "B", "C", "Average", "x", "y", "Average"] * 4
    for row in table.to_dict("records"):
        same = {} if row["name"] == "Average" else {row["by"]: row["name"]}
        for name in table.columns[3:]:
            wanted, variant = way(name)
            found = of(runs, scenario=row["scenario"], **wanted, **same)
            assert row[name] == close(naive(found, variant, "single"))


def test_the_summary_is_the_rows_of_averages(results):
    table = accuracy_table(results)
    for by in ("network", "dataset"):
        averages = table[(table["name"] == "Average") & (table["by"] == by)].drop(columns=["by", "name"])
        pd.testing.assert_frame_equal(summary_table(results), averages.reset_index(drop=True))


def test_pruning_is_compared_with_the_full_ensemble(results, runs):
    table = pruning_table(results)
    assert table.columns.tolist() == ["scenario", *STARRED, "EEunif* outputs=search"]
    for row in table.to_dict("records"):
        for name in table.columns[1:]:
            found = of(runs, scenario=row["scenario"], **way(name)[0])
            assert row[name] == close(naive(found, "pruned", "ensemble"))


def test_exits_are_those_of_networks_with_as_many(results, runs):
    table = exits_table(results)
    assert table.columns.tolist() == ["scenario", "series", "exit_1", "exit_2", "exit_3", "exit_4"]
    assert table["series"].tolist() == [*EE, "EEunif outputs=search"] * 4
    four = {key: run for key, run in runs.items() if key[0] != "C"}
    for row in table.to_dict("records"):
        found = of(four, scenario=row["scenario"], **way(row["series"])[0])
        for name in table.columns[2:]:
            assert row[name] == close(naive(found, "ensemble", "single", column=name))
    five = exits_table(results, exits=5)
    assert five["exit_5"].isna().all() and five["exit_4"].notna().all()  # C was told to have no fifth
    assert exits_table(results, exits=7).empty


def test_costs_of_full_ensembles_are_pooled_over_weights(results, runs):
    table = costs_table(results)
    costs = {"Parameters": "params", "MACs": "macs", "Latency": "latency", "Time per epoch": "epoch_seconds"}
    assert list(dict.fromkeys(table["cost"])) == list(costs)
    pooled = ["EE", "EE outputs=search"]
    assert table.columns.tolist() == ["cost", "scenario", *pooled, *STARRED, "EEunif* outputs=search"]
    for row in table.to_dict("records"):
        same = dict.fromkeys(("column", "base"), costs[row["cost"]])
        for name in pooled:
            found = of(runs, scenario=row["scenario"], extras=name.removeprefix("EE").strip())
            assert row[name] == close(naive(found, "ensemble", "single", **same))
        for name in table.columns[4:]:
            found = of(runs, scenario=row["scenario"], **way(name)[0])
            assert row[name] == close(naive(found, "pruned", "single", **same))
            assert row["cost"] != "Time per epoch" or math.isnan(row[name])


def test_scenarios_are_compared_where_both_have_a_pair(results, runs):
    table = scenarios_table(results)
    pairs = ["FT-224 vs TR-224", "FT-64 vs TR-64", "TR-224 vs TR-64", "FT-224 vs FT-64"]
    assert table["scenarios"].tolist() == pairs
    assert table.columns[1:3].tolist() == ["SE", "SE outputs=search"]
    for row in table.to_dict("records"):
        new, old = row["scenarios"].split(" vs ")
        for name in table.columns[1:]:
            wanted, variant = way(name)
            if name.startswith("SE"):
                wanted, variant = {"extras": wanted["extras"]}, "single"
            changes = []
            for network, dataset in itertools.product("ABC", "xy"):
                x2, x1 = (
                    [run[variant]["test_top1"] for run in found.values()]
                    for found in (
                        of(runs, network=network, dataset=dataset, scenario=scenario, **wanted)
                        for scenario in (new, old)
                    )
                )
                if x1 and x2:
                    changes.append(100 * (statistics.fmean(x2) / statistics.fmean(x1) - 1))
            assert row[name] == close(statistics.fmean(changes) if changes else math.nan)


def test_the_spread_says_how_much_every_value_is_worth(results, runs):
    spread = spread_table(results)
    table = accuracy_table(results).melt(["scenario", "by", "name"], var_name="series", value_name="change")
    key = ["scenario", "by", "name", "series"]
    both = spread.merge(table.dropna(), on=key, how="outer", suffixes=("", " there"))
    assert len(both) == len(spread) and both["change"].tolist() == both["change there"].tolist()
    for row in spread.to_dict("records"):
        wanted, variant = way(row["series"])
        same = {} if row["name"] == "Average" else {row["by"]: row["name"]}
        found = of(runs, scenario=row["scenario"], **wanted, **same)
        pairs = {key[:2] for key in found}
        by_seeds = [of(found, seed=seed) for seed in (0, 1)]
        seeds = [by_seed for by_seed in by_seeds if {key[:2] for key in by_seed} == pairs]
        values = [naive(by_seed, variant, "single") for by_seed in seeds]
        assert (row["pairs"], row["runs"], row["seeds"]) == (len(pairs), len(found), len(seeds))
        assert row["sd"] == close(statistics.stdev(values) if len(values) > 1 else math.nan)


def test_points_are_the_values_of_the_tables(results):
    points = trade_offs(results)
    summary, costs = summary_table(results).set_index("scenario"), costs_table(results)
    assert points["series"].tolist()[:5] == [*EE, "EEunif outputs=search"]
    for point in points.to_dict("records"):
        assert point["test_top1"] == close(summary.loc[point["scenario"], point["series"]])
        if point["variant"] == "pruned":
            at = costs[costs["scenario"] == point["scenario"]].set_index("cost")[point["series"]]
            assert [point["params"], point["macs"], point["latency"]] == [
                close(value) for value in at.iloc[:3]
            ]


ONE = ("A", "x", "train", 64, "MIX", "", 0)


def test_by_hand():
    rows = [
        *run(ONE, "1", {"single": 0.5, "ensemble": 0.1, "pruned": 0.1}),  # repeated by the next
        *run(ONE, "2", {"single": 0.5, "ensemble": 0.6, "pruned": 0.75}),
        *run((*ONE[:6], 1), "3", {"single": 0.4, "ensemble": 0.6, "pruned": 0.4}),
        *run(("B", *ONE[1:]), "4", {"single": 0.8, "ensemble": 0.6, "pruned": 0.6}),
    ]
    (row,) = summary_table(pd.DataFrame(rows)).to_dict("records")
    assert row["EEmix"] == close(((20 + 50) / 2 - 25) / 2)
    assert row["EEmix*"] == close(((50 + 0) / 2 - 25) / 2)
    assert math.isnan(row["EEdesc"])
    spread = spread_table(pd.DataFrame(rows))
    full = spread[(spread["by"] == "network") & (spread["series"] == "EEmix")].set_index("name")
    assert full["sd"].tolist() == [close(15 * math.sqrt(2)), close(math.nan), close(math.nan)]
    assert full["seeds"].tolist() == [2, 1, 1] and full["runs"].tolist() == [2, 1, 3]


def test_a_run_without_its_single_exit_network_is_not_compared_with_another_s():
    rows = run(ONE, "1", {"single": 0.5, "ensemble": 0.6}) + run(ONE, "2", {"ensemble": 0.9})
    assert summary_table(pd.DataFrame(rows)).empty


def test_a_baseline_that_never_hits_has_no_percentage():
    rows = run(ONE, "1", {"single": 0.0, "ensemble": 0.1})
    assert math.isnan(summary_table(pd.DataFrame(rows)).at[0, "EEmix"])
    assert spread_table(pd.DataFrame(rows)).empty


NOTHING = pd.DataFrame({"run": pd.Series(dtype=str)})  # what a catalog without runs gives
FULL = study()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_without_runs_a_table_has_its_columns_and_no_rows(table):
    for none in (NOTHING, FULL.iloc[:0]):
        assert table(none).empty
        assert set(table(none).columns) == {name for name in table(FULL).columns if "search" not in name}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
@pytest.mark.parametrize(
    "part",
    [
        FULL.iloc[:3],
        FULL[FULL["variant"] == "single"],
        FULL[FULL["variant"] != "single"],
        FULL[FULL["variant"] != "ensemble"],
        FULL[FULL["variant"] != "pruned"],
        FULL[FULL["extras"] != ""],
        FULL[FULL["exits"] == 5],
        FULL[FULL["scenario"] == "train"],
        FULL.drop(columns=["latency", "epoch_seconds"]),
        FULL.drop(columns=[name for name in FULL if "exit_" in name]),
    ],
    ids=["one run", "single", "no single", "no full", "no pruned", "extras", "other exits", "one scenario",
         "no latency", "no exits"],
)  # fmt: skip
def test_any_part_of_the_runs_gives_all_tables(table, part):
    frame = table(part)
    assert frame.columns.is_unique
    assert not np.isinf(frame.select_dtypes("number").to_numpy(dtype=float)).any()


def test_what_was_written_and_read_again_gives_the_same_tables():
    again = pd.read_csv(io.StringIO(FULL.to_csv(index=False)))
    assert again["extras"].isna().any()
    for table in TABLES:
        pd.testing.assert_frame_equal(table(again), table(FULL))
    assert set(newest_runs(again)["extras"]) == {"", "outputs=search"}


def test_the_pipeline_gives_every_table():
    (node,) = create_pipeline().nodes
    made = node.run({"aep_runs": FULL})
    pd.testing.assert_frame_equal(made["aep_summary"], summary_table(FULL))
    pd.testing.assert_frame_equal(made["aep_spread"], spread_table(FULL))
    assert set(made["aep_accuracy"]) > {"by", "name"} and "SE" in made["aep_scenarios"]
    assert "exit_4" in made["aep_exits"] and "cost" in made["aep_costs"]
    assert "EEmix" not in made["aep_pruning"]
    assert made["aep_comparison_figure"].to_json()


# Table 4.3, TRAIN-64: EEdesc, EEasc, EEmix, EEunif, then the same with a star.
PRINTED = {
    "ResNet50": (20.039, 10.444, 16.952, 14.368, 20.642, 10.655, 17.790, 14.402),
    "VGG16": (6.395, 4.273, 5.078, 5.704, 6.942, 4.252, 5.376, 5.607),
    "VGG16full": (5.288, 4.359, 5.025, 5.743, 6.277, 4.452, 5.174, 5.909),
    "DenseNet169": (9.852, 6.805, 8.222, 9.117, 10.268, 6.806, 8.751, 9.221),
    "MobileNetV3Small": (26.040, 16.323, 23.086, 20.008, 26.129, 16.377, 23.848, 19.956),
    "MobileNetV3Smallfull": (26.940, 17.934, 24.223, 21.844, 28.230, 17.750, 25.559, 21.572),
    "EfficientNetB5": (7.367, 2.250, 6.616, 4.983, 7.477, 2.378, 7.482, 5.861),
    "EfficientNetB5full": (13.607, 4.323, 11.213, 9.007, 14.026, 5.142, 12.500, 9.879),
}
AVERAGE = (14.441, 8.339, 12.552, 11.347, 14.999, 8.477, 13.310, 11.551)  # and the row TR-64 of Table 4.5
COLUMNS = [*EE, *STARRED]


def printed_runs() -> pd.DataFrame:
    """Runs on one data set whose networks gain what Table 4.3 says that they gain on average."""
    rows = []
    for network, gains in PRINTED.items():
        for weights, full, pruned in zip(("DESC", "ASC", "MIX", "UNIF"), gains[:4], gains[4:], strict=True):
            top1 = {"single": 0.5, "ensemble": 0.5 + full / 200, "pruned": 0.5 + pruned / 200}
            rows += run((network, "all", "train", 64, weights, "", 0), "1", top1)
    return pd.DataFrame(rows)


def test_rows_of_the_thesis_have_the_average_that_it_prints():
    table = accuracy_table(printed_runs())
    rows = table[table["by"] == "network"].set_index("name")[COLUMNS]
    assert rows.loc["VGG16"].tolist() == [close(value) for value in PRINTED["VGG16"]]
    assert rows.loc["Average"].tolist() == pytest.approx(AVERAGE, abs=0.01)
    (summary,) = summary_table(printed_runs())[COLUMNS].values.tolist()
    assert summary == pytest.approx(AVERAGE, abs=0.01)


def test_a_quick_try_does_not_take_the_place_of_a_full_run():
    """Runs whose epochs or images differ are no repetitions of each other: settings tell them apart."""
    key = ("A", "x", "train", 64, "MIX", "", 0)
    full = run(key, "1", {"single": 0.5, "ensemble": 0.6, "pruned": 0.6}, settings="12345678")
    quick = run(key, "2", {"single": 0.1, "ensemble": 0.1, "pruned": 0.1}, settings="89e23916")
    other = run(("B", *key[1:]), "3", {"single": 0.5, "ensemble": 0.7, "pruned": 0.7}, settings="12345678")
    table = accuracy_table(pd.DataFrame(full + quick + other))
    average = table[table["name"] == "Average"].iloc[0]
    assert average["EEmix settings 12345678"] == pytest.approx(20)
    assert average["EEmix settings 89e23916"] == pytest.approx(0)
    assert average["EEmix"] == pytest.approx(40)  # of B alone
    again = run(key, "4", {"single": 0.5, "ensemble": 0.75, "pruned": 0.6}, settings="12345678")
    (alone,) = accuracy_table(pd.DataFrame(full + again)).iloc[[-1]]["EEmix"]
    assert alone == pytest.approx(50)


def test_the_runs_that_are_averaged_are_listed() -> None:
    key = ("A", "x", "train", 64, "DESC", "", 0)
    older = run(key, "1", {"single": 0.5, "ensemble": 0.6})
    newer = run(key, "2", {"single": 0.6, "ensemble": 0.7, "pruned": 0.8, "early": 0.7, "front": 0.1})
    newer += run(key, "2", {"front": 0.2})
    other = run((*key[:-1], 1), "3", {"single": 0.4, "ensemble": 0.5})
    table = runs_table(pd.DataFrame(older + newer + other).assign(settings=""))
    assert table[["seed", "run", "single", "ensemble"]].values.tolist() == [
        [0, "2", 0.6, 0.7],
        [1, "3", 0.4, 0.5],
    ]
    assert set(table.columns) == {*KEY, "run", "single", "ensemble", "pruned"}
