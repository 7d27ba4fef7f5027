"""The sentence at a run's end."""

import pandas as pd

from natv2.runs.findings import finding

NETWORKS = pd.DataFrame(
    {
        "name": ["one", "two"],
        "accuracy_after": [0.7, 0.9],
        "test_accuracy": [0.8, 0.75],
        "params": [300_000, 1_200_000],
        "macs": [4_000_000, 6_500_000],
    }
)


def test_of_finished_networks_the_best_is_that_on_validation_images():
    assert finding({"results": NETWORKS}) == (
        "Found: 2 finished networks; the best, two, is right about 75.0 % of the test images with 1.2 M "
        "parameters and 6.5 M MACs."
    )
    assert finding({"results": NETWORKS.iloc[:1]}).startswith("Found: a finished network, one, is right")


def test_a_front_is_told_by_its_ends(front):
    assert finding({"front": front.drop(columns="macs").assign(latency=[4.0, 1.0, 3.0, 2.0])}) == (
        "Found: a front of 4 networks, from 80.0 % with 100 k parameters and 1.00 ms of latency to 95.0 % "
        "validation top-1 with 3 M parameters and 4.00 ms of latency."
    )
    assert finding({"front": front.iloc[:1]}).startswith("Found: one network, 95.0 % validation top-1")
    assert "no network that keeps the constraints" in finding({"front": front.assign(feasible=False)})


def test_what_comes_last_in_the_journey_is_told(front):
    saved = {"results": NETWORKS, "front": front, "narrow.test_table": pd.DataFrame()}
    assert finding(saved).startswith("Found: 2 finished networks")
    assert finding({"verdict": NETWORKS}) is None


def test_supernets_are_told_together_by_their_last_step():
    row = {"supernet": "SE_B", "resolution mean": 50.0, "resolution best": 50.0, "depth mean": 40.0}
    narrow = pd.DataFrame([row | {"width": 1.0, "depth best": 60.0, "width mean": None, "width best": None}])
    saved = {"narrow.test_table": narrow, "wide.test_table": narrow.assign(width=1.2)}
    told = "40.0 % on average and 60.0 % at best at width"
    assert finding(saved) == (
        f"Trained: 2 supernets of SE_B; test top-1 of the networks in them: {told} 1; {told} 1.2."
    )


def test_a_pruned_network_stands_beside_that_with_one_exit():
    rows = NETWORKS.assign(variant=["single", "pruned"], test_top1=[0.5, 0.6])
    assert finding({"aep_results": rows}) == (
        "Found: two has 60.0 % test top-1 with 1.2 M parameters and 6.5 M MACs; with one exit alone 50.0 % "
        "test top-1 with 300 k parameters and 4 M MACs."
    )


def test_exports_and_plans_are_told():
    table = pd.DataFrame({"holds": [True, False, False], "failed": [False, True, False]})
    told = "Exported: 1 of 3 files are proven to be their networks, 1 left out, 1 not."
    assert finding({"export_table": table}) == told
    plan = pd.DataFrame({"training": [0.5, 0.25], "evaluation": [0.25, 0.0]})
    assert finding({"plan": plan}) == "Expected: ofav2_eps will take about 1:00:00 here."


def test_accuracies_that_are_macro_are_called_so(front):
    told = finding({"results": NETWORKS.assign(metric="macro")})
    assert told is not None and "two, has a test macro accuracy of 75.0 % with 1.2 M parameters" in told
    told = finding({"front": front.assign(metric="macro")})
    assert told is not None and " 95.0 % validation macro accuracy with " in told
