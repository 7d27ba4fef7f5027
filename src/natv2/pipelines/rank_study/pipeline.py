"""`rank_study`: whether the archive orders networks as finishing does. The test split is not read."""

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.rank_study.nodes import report_rank, study_rank

_STUDY = [
    "archive",
    "narrow.adapted_supernet",
    "wide.adapted_supernet",
    "target_images",
    "params:postprocess",
    "params:rank_study",
    "params:search",
    "params:run",
    "progress",
    "params:metric",
]


def create_pipeline() -> Pipeline:
    """The study, and its report."""
    report = ["rank_table", "rank_figure"]
    return Pipeline(
        [
            Node(study_rank, inputs=_STUDY, outputs="rank_scores", name="study_rank"),
            Node(report_rank, inputs="rank_scores", outputs=report, name="report_rank"),
        ]
    )
