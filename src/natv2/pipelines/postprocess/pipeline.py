"""`postprocess`: the methods of section 6.1.5, and the table of finished networks."""

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.postprocess.nodes import choose_networks, finish_networks, test_networks


def create_pipeline() -> Pipeline:
    """Choose, finish, then test: nothing reads what the last node gives."""
    return Pipeline(
        [
            Node(
                choose_networks,
                inputs=["front", "params:postprocess"],
                outputs="chosen_networks",
                name="choose_networks",
            ),
            Node(
                finish_networks,
                inputs=[
                    "chosen_networks",
                    "narrow.adapted_supernet",
                    "wide.adapted_supernet",
                    "target_images",
                    "params:postprocess",
                    "params:search",
                    "params:seed",
                    "params:device",
                    "params:precision",
                    "progress",
                ],
                outputs=["found_networks", "finished_networks"],
                name="finish_networks",
            ),
            Node(
                test_networks,
                inputs=[
                    "found_networks",
                    "finished_networks",
                    "target_images",
                    "archive",
                    "params:search",
                    "params:constraints",
                    "params:threads",
                    "params:device",
                    "search_summary",
                ],
                outputs=["results", "class_results", "results_figure", "results_front_figure"],
                name="test_networks",
            ),
        ]
    )
