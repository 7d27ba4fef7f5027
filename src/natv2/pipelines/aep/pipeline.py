"""`aep`: Anticipate, Ensemble and Prune (thesis, Figure 4.1), beside the single-exit network."""

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.aep.nodes import (
    calibrate_early_stopping,
    measure_networks,
    prune_ensemble,
    report_training,
    test_networks,
    train_baseline,
    train_ensemble,
)

_TRAINING = ["aep_images", "params:aep_training", "params:run"]
_TRAINED = [*_TRAINING, "aep_store", "progress"]
_NETWORKS = ["aep_baseline", "aep_ensemble", "aep_pruned", "aep_early_stopping"]
_HISTORIES = ["aep_baseline_history", "aep_ensemble_history"]


def create_pipeline() -> Pipeline:
    """Train, prune, calibrate, measure, then test: nothing reads what the last node gives."""
    return Pipeline(
        [
            Node(train_baseline, _TRAINED, ["aep_baseline", _HISTORIES[0]], name="train_baseline"),
            Node(train_ensemble, _TRAINED, ["aep_ensemble", _HISTORIES[1]], name="train_ensemble"),
            Node(report_training, _HISTORIES, ["aep_curves", "aep_curves_figure"], name="report_training"),
            Node(
                prune_ensemble,
                ["aep_baseline", "aep_ensemble", *_TRAINING, "progress"],
                ["aep_pruned", "aep_subsets", "aep_subsets_figure"],
                name="prune_ensemble",
            ),
            Node(
                calibrate_early_stopping,
                ["aep_ensemble", *_TRAINING],
                ["aep_early_stopping", "aep_stopping", "aep_stopping_figure"],
                name="calibrate_early_stopping",
            ),
            Node(measure_networks, [*_NETWORKS, *_TRAINING], "aep_timings", name="measure_networks"),
            Node(
                test_networks,
                [*_NETWORKS, "aep_timings", *_TRAINING],
                ["aep_finished", "aep_results", "aep_results_figure"],
                name="test_networks",
            ),
        ]
    )
