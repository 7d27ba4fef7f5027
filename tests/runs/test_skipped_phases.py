"""Phases without a use."""

from natv2.pipeline_registry import register_pipelines
from natv2.runs.skipped_phases import said_of_skipped, skipped_phases
from tests.configs import training

EPS = register_pipelines()["ofav2_eps"]


def test_phases_without_a_use_are_named_once_for_both_widths():
    dense = training(supernet="EE_D_OFAMobileNetV3", schedule="eps")
    skipped = skipped_phases(EPS, dense)
    phases = ("level_1", "level_2", "single_stage")
    assert skipped == {f"{width}.{phase}": phase for width in ("narrow", "wide") for phase in phases}
    assert said_of_skipped(skipped, dense) == (
        "EE_D_OFAMobileNetV3 with schedule=eps has no use for level_1, level_2, single_stage: passed over"
    )


def test_reports_and_tests_are_never_passed_over():
    at_once = training(supernet="EE_DP_OFAMobileNetV3", schedule="random")
    done = {node.name for node in EPS.nodes} - skipped_phases(EPS, at_once).keys()
    own = ("single_stage", "report", "test", "page")
    assert done == {f"{width}.{node}" for width in ("narrow", "wide") for node in own}
