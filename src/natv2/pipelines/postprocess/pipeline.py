"""`postprocess`: the methods of section 6.1.5, and the table of finished networks."""

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.postprocess.nodes import finish_networks, test_networks
from natv2.postprocess.refine import chosen_networks

_FINISH = [
    "chosen_networks",
    "narrow.adapted_supernet",
    "wide.adapted_supernet",
    "target_images",
    "params:postprocess",
    "params:search",
    "params:run",
    "progress",
]
_TEST = [
    "found_networks",
    "finished_networks",
    "target_images",
    "archive",
    "params:search",
    "params:goal",
    "params:run",
    "search_summary",
]
_RESULTS = ["results", "class_results", "results_figure", "results_front_figure"]


def create_pipeline() -> Pipeline:
    """Choose, refine, then test: nothing reads what the last node gives."""
    choice = ["front", "params:postprocess"]
    return Pipeline(
        [
            Node(chosen_networks, inputs=choice, outputs="chosen_networks", name="choose_networks"),
            Node(
                finish_networks,
                inputs=_FINISH,
                outputs=["found_networks", "finished_networks"],
                name="finish_networks",
            ),
            Node(test_networks, inputs=_TEST, outputs=_RESULTS, name="test_networks"),
        ]
    )
