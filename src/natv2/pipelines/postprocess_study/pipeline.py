"""`postprocess_study`: every optimiser, learning rate and weighting on the networks of a search."""

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.postprocess_study.nodes import report_study, study_postprocessing
from natv2.postprocess.refine import chosen_networks

_STUDY = [
    "studied_networks",
    "narrow.adapted_supernet",
    "wide.adapted_supernet",
    "target_images",
    "params:postprocess",
    "params:postprocess_study",
    "params:search",
    "params:run",
    "search_summary",
    "progress",
    "params:metric",
]


def create_pipeline() -> Pipeline:
    """The study, and its report. The test split is not read."""
    choice = ["front", "params:postprocess"]
    scores = ["postprocess_scores", "all_postprocess_scores"]
    report = ["postprocess_study", "postprocess_study_figure", "best_ways_figure"]
    return Pipeline(
        [
            Node(chosen_networks, choice, "studied_networks", name="choose_studied_networks"),
            Node(study_postprocessing, _STUDY, "postprocess_scores", name="study_postprocessing"),
            Node(report_study, inputs=scores, outputs=report, name="postprocess_report"),
        ]
    )
