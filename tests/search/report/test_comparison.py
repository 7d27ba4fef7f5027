"""Searches side by side: what counting by hand gives."""

import numpy as np
import pandas as pd
import pytest

from natv2.runs.table_shapes import shaped
from natv2.search.report.comparison import (
    finished_networks,
    searched_networks,
    searches_mean,
    searches_table,
)
from natv2.search.report.comparison_figures import supernets_figure


def front(run: str, *networks: tuple[float, int, int, bool]) -> pd.DataFrame:
    frame = pd.DataFrame(networks, columns=["accuracy", "params", "macs", "high_tradeoff"])
    return frame.assign(resolution=64, width=1.0, exit=5, run=run)


def summary(run: str, **changes: object) -> dict[str, object]:
    same = {"source": "tiny", "dataset": "digits", "supernet": "EE_D", "preset": "nat", "seed": 0}
    return {"run": run, **same, "objectives": ["accuracy", "macs"], "hypervolume": {}, **changes}


def finished(run: str, *networks: tuple[float, int, int, float, float]) -> pd.DataFrame:
    names = ["accuracy_before", "params", "macs", "accuracy_after", "test_accuracy"]
    return pd.DataFrame(networks, columns=names).assign(resolution=64, width=1.0, exit=5, run=run)


NONE = pd.DataFrame({"run": []})
FIRST = front("1", (0.8, 10, 200, True), (0.4, 5, 100, True))
SECOND = front("2", (0.6, 20, 150, False), (0.5, 9, 100, True))
SUMMARIES = pd.DataFrame([summary("1"), summary("2", preset="natv2_phase1")])


def test_hypervolumes_have_one_reference_point_and_best_networks_are_named():
    table = searches_table(searched_networks(pd.concat([FIRST, SECOND]), SUMMARIES, NONE))
    first, second = table.to_dict("records")
    # Ideal: error 0.2, 100 MACs; reference: a tenth behind error 0.6, 200 MACs.
    box = 0.44 * 110
    assert first["hypervolume"] == pytest.approx((0.04 * 100 + 0.44 * 10) / box, abs=1e-4)
    assert second["hypervolume"] == pytest.approx((0.14 * 50 + 0.24 * 60) / box, abs=1e-4)
    assert (first["networks"], second["networks"]) == (2, 2)
    assert (first["best top-1"], first["best params"], first["best macs"]) == (80, 10, 200)
    assert (second["best top-1"], second["best macs"]) == (60, 150)
    assert (second["trade-off top-1"], second["trade-off params"], second["trade-off macs"]) == (50, 9, 100)
    assert all(np.isnan(row[name]) for row in (first, second) for name in ("before", "after", "test top-1"))


def test_searches_after_other_objectives_have_a_reference_point_of_their_own():
    rows = [summary("1"), summary("2", objectives=["accuracy", "params"])]
    table = searches_table(searched_networks(pd.concat([FIRST, SECOND]), pd.DataFrame(rows), NONE))
    alone = searches_table(searched_networks(FIRST, pd.DataFrame(rows[:1]), NONE))
    assert table["hypervolume"][0] == alone["hypervolume"][0]


def test_the_order_of_objectives_makes_no_other_task():
    rows = [summary("1"), summary("2", objectives=["macs", "accuracy"], preset="natv2_phase1")]
    networks = searched_networks(pd.concat([FIRST, SECOND]), pd.DataFrame(rows), NONE)
    expected = searches_table(searched_networks(pd.concat([FIRST, SECOND]), SUMMARIES, NONE))
    pd.testing.assert_frame_equal(searches_table(networks), expected)


def test_one_objective_and_three():
    for objectives in (["accuracy"], ["accuracy", "params", "macs"]):
        networks = searched_networks(FIRST, pd.DataFrame([summary("1", objectives=objectives)]), NONE)
        assert searches_table(networks)["hypervolume"][0] > 0
    single = front("3", (0.7, 10, 200, True))
    networks = searched_networks(single, pd.DataFrame([summary("3", objectives=["accuracy"])]), NONE)
    assert searches_table(networks)["trade-off top-1"].tolist() == [70]


def test_of_a_repeated_search_the_newest_counts_and_seeds_are_averaged():
    again = front("4", (0.9, 10, 200, True))
    rows = [summary("1"), summary("2", seed=1), summary("4")]
    table = searches_table(searched_networks(pd.concat([FIRST, SECOND, again]), pd.DataFrame(rows), NONE))
    assert table[["seed", "run"]].values.tolist() == [[0, "4"], [1, "2"]]
    (mean,) = searches_mean(table).to_dict("records")
    assert (mean["seeds"], mean["run"]) == (2, "4 2")
    assert mean["best top-1"] == pytest.approx((90 + 60) / 2)
    assert mean["best top-1 sd"] == pytest.approx(np.std([90, 60], ddof=1), abs=1e-4)
    assert mean["best macs"] == 175


def test_summaries_of_earlier_versions_are_read():
    old = pd.DataFrame([summary("1")]).drop(columns=["preset", "seed"])
    table = searches_table(searched_networks(FIRST, old, NONE))
    assert table[["preset", "settings", "seed"]].values.tolist() == [["none", "", 0]]


def test_what_post_processing_made_of_a_network_stands_beside_it():
    results = pd.concat(
        [
            finished("1", (0.8, 10, 200, 0.81, 0.70)),  # given again by the next
            finished("3", (0.8 + 1e-13, 10, 200, 0.85, 0.84), (0.4, 5, 100, 0.9, 0.5)),
            finished("5", (0.5, 10, 100, 0.99, 0.99)),  # of no front: other parameters
        ]
    )
    networks = searched_networks(pd.concat([FIRST, SECOND]), SUMMARIES, results)
    assert len(networks) == 4
    assert networks["accuracy_after"].tolist() == pytest.approx([0.85, 0.9, np.nan, np.nan], nan_ok=True)
    assert networks["test_accuracy"].tolist() == pytest.approx([0.84, 0.5, np.nan, np.nan], nan_ok=True)
    first, second = searches_table(networks).to_dict("records")
    assert (first["before"], first["after"], first["test top-1"]) == (40, 90, 50)  # chosen by validation
    assert np.isnan(second["after"])


def test_results_are_those_of_the_newest_search_before_them():
    same = front("2", (0.8, 10, 200, True))
    later = front("6", (0.8, 10, 200, True))
    rows = [summary("1"), summary("2", seed=1), summary("6", seed=2)]
    results = finished("3", (0.8, 10, 200, 0.9, 0.9))
    networks = searched_networks(pd.concat([FIRST, same, later]), pd.DataFrame(rows), results)
    assert networks.dropna(subset="accuracy_after")["run"].tolist() == ["2"]


def test_every_method_has_its_newest_result_with_the_search_that_found_the_network():
    """An ensemble of exits is found again by what its network was, whatever it costs now."""
    before = {"params_before": 10, "macs_before": 200}
    standard = finished("3", (0.8, 10, 200, 0.85, 0.84)).assign(method="standard", **before)
    ensemble = finished("3", (0.8 + 1e-13, 30, 500, 0.9, 0.88)).assign(method="aep", **before)
    again = finished("4", (0.8, 10, 200, 0.87, 0.86)).assign(method="standard", **before)
    foreign = finished("4", (0.3, 10, 200, 0.9, 0.9)).assign(method="standard", **before)
    early = finished("0", (0.8, 10, 200, 0.99, 0.99)).assign(method="standard", **before)
    results = pd.concat([early, standard, ensemble, again, foreign])
    networks = searched_networks(pd.concat([FIRST, SECOND]), SUMMARIES, results)
    found = finished_networks(networks, results)
    assert found[["method", "test_accuracy", "params"]].values.tolist() == [
        ["aep", 0.88, 30],
        ["standard", 0.86, 10],
    ]
    assert found[["supernet", "preset", "run"]].values.tolist() == [["EE_D", "nat", "1"]] * 2
    assert finished_networks(networks, NONE).empty
    # Of versions that did not tell what a network was.
    assert finished_networks(networks, finished("3", (0.8, 10, 200, 0.85, 0.84))).empty


def test_ways_to_use_the_exits_of_one_path_are_different_networks():
    same = front("1", (0.8, 10, 200, True), (0.8, 10, 200, True))
    several = same.assign(kept="2-5", leaving=[0.5, np.nan], mean_macs=[120.0, 200.0])
    done = finished("2", (0.8, 10, 200, 0.85, 0.84), (0.8, 10, 200, 0.9, 0.89))
    done = done.assign(kept="2-5", leaving=[0.5, np.nan])
    one = front("0", (0.7, 5, 100, True))
    asked = {"objectives": ["accuracy", "mean_macs"]}
    summaries = pd.DataFrame([summary("0", **asked), summary("1", searched_exits="many", **asked)])
    fronts = pd.concat([several, one.assign(mean_macs=one["macs"].astype(float))])
    networks = searched_networks(fronts, summaries, done)
    found = networks[networks["searched_exits"] == "many"].sort_values("accuracy_after")
    assert found["accuracy_after"].tolist() == [0.85, 0.9]
    assert found["mean_macs"].tolist() == [120.0, 200.0]
    table = searches_table(networks)
    assert table["searched_exits"].tolist() == ["many", "one"]
    assert (table["hypervolume"] > 0).all()  # of one measure


def test_searches_by_different_metrics_are_after_different_things():
    fronts = pd.concat([FIRST, SECOND.assign(metric="macro")])
    summaries = pd.DataFrame([summary("1"), summary("2", metric="macro")])
    networks = searched_networks(fronts, summaries, NONE)
    table = searches_table(networks)
    assert table["objectives"].tolist() == ["accuracy+macs", "macro_accuracy+macs"]
    assert table["best accuracy"].tolist() == [80, 60] and "best top-1" not in table
    shown = shaped("searches_mean", searches_mean(table))
    assert shown.columns.is_unique and shown["best accuracy"].tolist() == [80, 60]
    assert {"best accuracy sd", "test accuracy sd", "hypervolume sd"} <= set(searches_mean(table))
    alone = [
        searches_table(searched_networks(FIRST, summaries, NONE)),
        searches_table(searched_networks(SECOND, pd.DataFrame([summary("2")]), NONE)),
    ]
    assert table["hypervolume"].tolist() == [each["hypervolume"][0] for each in alone]
    titles = str(supernets_figure(networks.assign(supernet="EE_D_OFAMobileNetV3")))
    assert "Validation accuracy (%)" in titles and "macro_accuracy + macs" in titles


def test_where_all_are_by_macro_the_columns_say_so():
    summaries = pd.DataFrame([summary("1", metric="macro"), summary("2", metric="macro", preset="natv2")])
    fronts = pd.concat([FIRST, SECOND]).assign(metric="macro")
    table = searches_table(searched_networks(fronts, summaries, NONE))
    usual = searches_table(searched_networks(pd.concat([FIRST, SECOND]), SUMMARIES, NONE))
    assert [name.replace("macro accuracy", "top-1") for name in table] == list(usual)
    assert table["hypervolume"].tolist() == usual["hypervolume"].tolist()
    assert not [name for name in shaped("searches_mean", searches_mean(table)) if "top-1" in name]
