"""How runs are called in MLflow."""

import pytest

from natv2.pipeline_registry import NAMES
from natv2.runs.run_kinds import KINDS, run_tags, run_title
from tests.configs import parameters


@pytest.mark.parametrize(
    ("pipeline", "title"),
    [
        ("natv2_search", "search nat EE_D eurosat→cifar10 acc+macs s3"),
        ("__default__", "journey nat EE_D eurosat→cifar10 acc+macs s3"),
        ("ofav2_eps", "supernet EE_D eurosat eps teacher-fixed s3"),
        ("natv2_plan", "plan of search nat EE_D eurosat→cifar10 acc+macs s3"),
        ("aep", "aep resnet18 MIX cifar10 train s3"),
        ("images", "images cifar10"),
        ("natv2_compare", "compare searches eurosat"),
        ("aep_compare", "compare aep"),
        ("natv2_search+baselines", "natv2_search+baselines nat EE_D eurosat→cifar10 acc+macs s3"),
    ],
)
def test_a_run_is_called_by_what_tells_it_apart(pipeline, title):
    values = parameters(
        preset="nat",
        supernet="EE_D_OFAMobileNetV3",
        source="eurosat",
        dataset="cifar10",
        objectives="accuracy+macs",
        network="resnet18",
        teacher="fixed",
        seed=3,
    )
    assert run_title(pipeline, values) == title


def test_where_source_and_target_are_one_it_is_named_once():
    values = parameters(source="digits", dataset="digits", supernet="EE_B_OFAMobileNetV3", preset="natv2")
    assert run_title("natv2_search", values) == "search natv2 EE_B digits acc+macs s0"


def test_each_pipeline_has_its_kind_and_plans_and_comparisons_are_apart():
    assert KINDS.keys() == set(NAMES)
    of = {kind: {name for name, row in KINDS.items() if row.kind == kind} for kind in ("plan", "comparison")}
    assert of["plan"] == {"ofav2_plan", "natv2_plan"}
    assert of["comparison"] == {"ofav2_compare", "natv2_compare", "aep_compare"}


def test_tags_tell_who_really_teaches():
    told = run_tags("ofav2_eps", parameters(schedule="sandwich", teacher="fixed", seed=7))
    assert (told["kind"], told["teacher"], told["schedule"], told["seed"]) == (
        *("training", "in-place", "sandwich", "7"),
    )


def test_a_run_has_no_tag_of_what_plays_no_part_in_it():
    tags = {name: set(run_tags(name, parameters(dataset="digits"))) - {"pipeline", "kind"} for name in KINDS}
    searched = {"preset", "supernet", "source", "dataset", "objectives", "schedule", "teacher", "seed"}
    assert {name for name in KINDS if tags[name] == searched} >= {"__default__", "natv2_search", "baselines"}
    assert "metric" in run_tags("natv2_search", parameters(metric="macro"))
    assert tags["natv2_compare"] == {"source"} and tags["images"] == {"dataset"} and not tags["aep_compare"]
    assert tags["ofav2_eps"] == {"supernet", "source", "schedule", "teacher", "seed"}
    assert tags["aep"] == {"network", "weights", "dataset", "scenario", "seed"}
