"""`postprocess_study`: every optimiser, learning rate and weighting on the networks of a search."""

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.postprocess.nodes import choose_networks
from natv2.pipelines.postprocess_study.nodes import report_study, study_postprocessing


def create_pipeline() -> Pipeline:
    """The study, and its report. The test split is not read."""
    return Pipeline(
        [
            Node(
                choose_networks,
                inputs=["front", "params:postprocess"],
                outputs="studied_networks",
                name="choose_studied_networks",
            ),
            Node(
                study_postprocessing,
                inputs=[
                    "studied_networks",
                    "narrow.adapted_supernet",
                    "wide.adapted_supernet",
                    "target_images",
                    "params:postprocess",
                    "params:postprocess_study",
                    "params:search",
                    "params:seed",
                    "params:device",
                    "params:precision",
                    "progress",
                ],
                outputs="postprocess_scores",
                name="study_postprocessing",
            ),
            Node(
                report_study,
                inputs="postprocess_scores",
                outputs=["postprocess_study", "postprocess_study_figure"],
                name="postprocess_report",
            ),
        ]
    )
