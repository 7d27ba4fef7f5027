"""What the explorer is given is what the tables say."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from natv2.explorer.data import Explored
from natv2.explorer.gather import MOST, explored
from natv2.explorer.page import embedded
from tests.explorer import searches


def of(data: Explored, kind: str) -> list:
    return [network for network in data.networks if network.kind == kind]


def test_every_network_of_the_archive_has_the_values_of_its_row(data):
    archive = searches.tables()["archive"]
    found = of(data, "found")
    assert len(found) == len(archive) == 400
    for network, (_, row) in zip(found, archive.iterrows(), strict=True):
        known = {name: row[name] for name in ("accuracy", "params", "macs")}
        assert network.values == pytest.approx(known | {"mean_macs": row.macs}, rel=1e-5)
        assert (network.front, network.high_tradeoff) == (row.non_dominated, row.high_tradeoff)
        assert (network.predicted is None) == pd.isna(row.predicted_error)


def test_parts_sum_to_what_the_whole_network_costs(data):
    archive = searches.tables()["archive"]
    for network, (_, row) in zip(of(data, "found")[::40], archive[::40].iterrows(), strict=True):
        assert tuple(map(sum, zip(*network.parts, strict=True))) == searches.parts_of(row)
        assert len(network.parts) == 7


def test_parts_that_are_not_those_of_the_table_are_left_out():
    archive = searches.tables()["archive"].assign(params=lambda table: table["params"] + 1)
    data = explored(searches.searched(tables={"archive": archive}))
    assert {network.parts for network in of(data, "found")} == {None}


def test_finished_networks_know_their_file_their_classes_and_where_they_were_found(data):
    tables, (first, second) = searches.tables(), of(data, "finished")
    assert first.file.path == "network_01.safetensors" and first.file.sha256 == "ab12"
    assert second.file.sha256 is None  # of an older run
    assert first.values["bytes"] == first.file.bytes > 0
    assert first.values["accuracy"] == 0.95 and first.values["test_macro"] == 0.91
    was = of(data, "found")[first.found]
    assert was.values["macs"] == first.values["macs"]
    assert was.values["accuracy"] == pytest.approx(tables["results"]["accuracy_before"][0], rel=1e-5)
    assert first.architecture == was.architecture and first.parts == was.parts
    assert first.finished.recalls == (1.0, 0.9, 0.8, 0.7, None, 0.6)
    (gain,) = first.finished.gains
    assert (gain.over, gain.gain, gain.low, gain.high) == (searches.HOSTILE[1], 0.04, 0.01, 0.07)
    assert second.finished.gains[0].gain is None and second.finished.record["remark"] == searches.HOSTILE[0]


def test_mean_macs_are_those_of_the_exits_or_all_that_a_network_has(data):
    several, one = of(data, "finished")
    assert several.values["mean_macs"] == 3e6 != several.values["macs"]
    assert one.values["mean_macs"] == one.values["macs"]
    assert all(network.values["mean_macs"] == network.values["macs"] for network in of(data, "plain"))


def test_exported_files_stand_beside_their_networks(data):
    first, second = of(data, "finished")
    hostile, other = of(data, "plain")
    (row,) = first.finished.exported
    assert row == {
        "format": "onnx",
        "holds": True,
        "top1": 0.95,
        "bytes": 10_000,
        "latency_1": 1.5,
        "why": "",
    }
    assert [each["why"] for each in hostile.finished.exported] == ["it differs"]
    assert second.finished.exported == other.finished.exported == ()


def test_a_search_that_is_not_finished_says_what_is_missing():
    data = explored(searches.searched(tables={"archive": searches.tables()["archive"]}, look=None))
    assert {network.kind for network in data.networks} == {"found"}
    assert data.images is None and data.hypervolume is None and data.predictor is None
    assert ["postprocess" in text for text in data.remarks].count(True) == 1
    assert ["baselines" in text for text in data.remarks].count(True) == 1


def test_only_measures_that_some_network_has_are_offered(data):
    assert [measure.name for measure in data.measures] == [
        *("accuracy", "params", "macs", "mean_macs", "test_accuracy", "test_macro", "bytes")
    ]
    with_latency = searches.tables()["archive"].assign(latency=2.5)
    one = explored(searches.searched(tables={"archive": with_latency}))
    assert [measure.name for measure in one.measures] == ["accuracy", "params", "macs", "latency"]


def test_plain_networks_that_are_not_tested_yet_come_from_their_files_and_the_plan(tmp_path):
    import torch

    from natv2.explorer.networks import network_files
    from natv2.finished_network import StoredNetwork

    header = {"kind": "plain_network", "record": {"kind": "plain", "valid_accuracy": 0.7, "teacher": "plain"}}
    for name in ("resnet", "resnet_taught", "unplanned"):
        StoredNetwork({"w": torch.zeros(1)}, header).write(tmp_path / f"{name}.safetensors")
    plan = pd.DataFrame(
        {"name": ["resnet"], "kind": ["plain"], "params": [10], "macs": [20], "accuracy": [0.1]}
    )
    tables = {"archive": searches.tables()["archive"], "baseline_plan": plan}
    data = explored(
        searches.searched({"plain_networks": network_files(tmp_path, tmp_path, {})}, tables=tables)
    )
    plain = of(data, "plain")
    assert [network.name for network in plain] == ["resnet", "resnet_taught"]
    assert plain[0].values == {"accuracy": 0.7, "params": 10, "macs": 20, "bytes": plain[0].file.bytes}


def test_a_long_archive_keeps_its_front_and_what_came_last():
    archive = searches.tables()["archive"]
    long = pd.concat([archive] * 5, ignore_index=True)
    long["turn"] = range(len(long))
    data = explored(searches.searched(tables={"archive": long}))
    assert len(data.networks) == MOST
    assert sum(network.front for network in data.networks) == long["non_dominated"].sum()
    assert max(network.turn for network in data.networks) == len(long) - 1
    assert f"{len(long) - MOST}" in data.remarks[0]


def test_the_json_reads_back_as_what_was_gathered(data):
    assert Explored.model_validate(json.loads(embedded(data))) == data


def test_constraints_of_the_search_are_limits_of_the_page():
    bounds = {"max_macs": 5_000_000, "min_accuracy": 0.8}
    data = explored(replace(searches.searched(), summary=searches.summary(constraints=bounds)))
    assert data.limits == {"macs": 5_000_000, "accuracy": 0.8}


def test_accuracies_by_macro_are_called_so_and_have_no_intervals_of_images():
    usual = searches.searched()
    tables = {name: each.assign(metric="macro") for name, each in usual.tables.items()}
    macro = explored(replace(usual, tables=tables, summary={**usual.summary, "metric": "macro"}))
    measures = {measure.name: measure for measure in macro.measures}
    assert measures["accuracy"].title == "Validation macro accuracy" and measures["accuracy"].split is None
    assert (
        measures["test_accuracy"].title == "Test macro accuracy" and measures["test_accuracy"].split is None
    )
    assert "validation macro accuracy" in macro.title
    assert "top-1" in explored(usual).title
