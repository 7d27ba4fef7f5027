"""`predictor_study`: predictors compared on architectures of the adapted supernets of a search."""

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.predictor_study.nodes import evaluate_samples, report_predictors, score_predictors

_SUPERNETS = ["narrow.adapted_supernet", "wide.adapted_supernet", "target_images"]
_PARAMETERS = ["params:predictor_study", "params:search", "params:run"]


def create_pipeline() -> Pipeline:
    """True evaluation once; `--from-nodes score_predictors` repeats the rest in minutes."""
    return Pipeline(
        [
            Node(
                evaluate_samples,
                inputs=[*_SUPERNETS, *_PARAMETERS, "progress", "params:metric"],
                outputs="predictor_samples",
                name="evaluate_samples",
            ),
            Node(
                score_predictors,
                inputs=["predictor_samples", *_SUPERNETS, *_PARAMETERS, "progress"],
                outputs="predictor_scores",
                name="score_predictors",
            ),
            Node(
                report_predictors,
                inputs=["predictor_scores", "all_predictor_scores", "params:predictor_study"],
                outputs=[
                    "predictor_table",
                    "predictor_supernets_figure",
                    "predictor_sizes_figure",
                    "predictor_encodings_figure",
                ],
                name="report_predictors",
            ),
        ]
    )
