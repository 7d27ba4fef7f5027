"""The numbers that a run is known by in MLflow."""

import pandas as pd
import pytest

from natv2.runs.headlines import headlines

RESULTS = pd.DataFrame(
    {
        "name": ["one", "two"],
        "accuracy_after": [0.9, 0.7],
        "test_accuracy": [0.8, 0.85],
        "params": [300_000, 1_200_000],
        "macs": [4_000_000, 6_500_000],
        "gain": [0.02, None],
    }
)


def test_a_search_is_known_by_its_front_and_hypervolume(front):
    history = pd.DataFrame({"turn": [1, 2], "hypervolume": [0.3, 0.4]})
    assert headlines({"search_history": history, "front": front}) == {
        "result/hypervolume": 0.4,
        "result/found_top1": 0.95,
        "result/params": 3_000_000,
        "result/macs": 2_000_000,
    }


def test_what_is_finished_counts_before_what_is_found_in_any_order(front):
    expected = {
        "found_top1": 0.95,
        "valid_top1": 0.9,
        "test_top1": 0.8,
        "params": 300_000,
        "macs": 4_000_000,
        "gain": 0.02,
    }
    expected = {f"result/{name}": value for name, value in expected.items()}
    for saved in ({"results": RESULTS, "front": front}, {"front": front, "results": RESULTS}):
        assert headlines(saved) == expected
    unknown = RESULTS.assign(gain=None)
    assert "result/gain" not in headlines({"results": unknown})


def test_supernets_are_known_by_the_better_of_both_widths():
    narrow = pd.DataFrame({"resolution best": [70.0], "kernel best": [60.0], "width best": [None]})
    saved = {"narrow.test_table": narrow, "wide.test_table": narrow.assign(**{"kernel best": 55.0})}
    assert headlines(saved) == {"result/test_top1": pytest.approx(0.6)}


def test_a_classic_network_is_known_as_it_is_pruned():
    rows = RESULTS.assign(variant=["pruned", "early"], test_top1=[0.6, 0.5], valid_top1=[0.7, 0.8])
    assert headlines({"aep_results": rows})["result/test_top1"] == 0.6


def test_of_other_runs_nothing_is_known():
    assert headlines({"plan": RESULTS, "page": "text", "networks": None, "front": RESULTS.iloc[:0]}) == {}


def test_accuracies_stand_under_the_name_of_their_metric(front):
    macro = {"front": front.assign(metric="macro"), "results": RESULTS.assign(metric="macro")}
    found = headlines(macro)
    assert (found["result/valid_macro"], found["result/test_macro"]) == (0.9, 0.8)
    assert not [name for name in found if "top1" in name]
    assert found["result/found_macro"] == 0.95


def test_a_comparison_has_the_hypervolumes_of_all_searches_on_one_scale():
    table = pd.DataFrame(
        {
            "supernet": ["EE_D", "EE_D", "SE_DP"],
            "preset": "nat",
            "dataset": "eurosat",
            "objectives": ["accuracy+macs", "accuracy+params", "accuracy+macs"],
            "searched_exits": "one",
            "settings": "0f",
            "seed": [0, 1, 0],
            "hypervolume": [0.4, 0.5, 0.3],
        }
    )
    assert headlines({"searches_table": table}) == {
        "result/hypervolume/EE_D nat accuracy_macs s0": 0.4,
        "result/hypervolume/EE_D nat accuracy_params s1": 0.5,
        "result/hypervolume/SE_DP nat accuracy_macs s0": 0.3,
    }
