"""`postprocess`: the methods of section 6.1.5, and the table of finished networks."""

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.postprocess.nodes import (
    draw_leaving,
    draw_results,
    finish_networks,
    prepare_finishing,
    test_networks,
)
from natv2.postprocess.refine import chosen_networks

_ADAPTED = ["narrow.adapted_supernet", "wide.adapted_supernet"]
_PREPARE = [
    "plain_networks",
    *_ADAPTED,
    "target_images",
    "params:baselines",
    "params:postprocess",
    "params:search",
    "params:run",
    "finishing_store",
    "params:metric",
]
_FINISH = ["chosen_networks", *_ADAPTED, "finishing", "params:postprocess", "params:search", "progress"]
_TEST = [
    "found_networks",
    "trained_networks",
    "plain_networks",
    "target_images",
    "params:baselines",
    "params:search",
    "params:goal",
    "params:run",
    "search_summary",
    "latency_table",
    "params:metric",
]
_RESULTS = [
    "finished_networks",
    "results",
    "class_results",
    "plain_results",
    "verdict",
    "verdict_sentence",
    "finished_plain_networks",
    "tested_in_detail",
]
_DRAW = ["results", "plain_results", "archive", "search_summary"]
_LEAVING = ["trained_networks", "target_images", "params:search", "params:run"]
_FIGURES = ["results_figure", "results_front_figure"]


def create_pipeline() -> Pipeline:
    """Choose, refine, then test: nothing but figures reads what was tested."""
    choice = ["front", "params:postprocess"]
    return Pipeline(
        [
            Node(chosen_networks, inputs=choice, outputs="chosen_networks", name="choose_networks"),
            Node(prepare_finishing, inputs=_PREPARE, outputs="finishing", name="prepare_finishing"),
            Node(
                finish_networks,
                inputs=_FINISH,
                outputs=["found_networks", "trained_networks"],
                name="finish_networks",
            ),
            Node(test_networks, inputs=_TEST, outputs=_RESULTS, name="test_networks"),
            Node(draw_leaving, inputs=_LEAVING, outputs="leaving_figure", name="draw_leaving"),
            Node(draw_results, inputs=_DRAW, outputs=_FIGURES, name="draw_results"),
        ]
    )
