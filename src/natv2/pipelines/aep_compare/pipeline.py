"""`aep_compare`: all runs of `aep` that are kept, as the tables and the figure of chapter 4."""

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.aep_compare.nodes import compare_aep


def create_pipeline() -> Pipeline:
    """One node; what it reads was written by many runs of `aep`."""
    return Pipeline(
        [
            Node(
                compare_aep,
                inputs="aep_runs",
                outputs=[
                    "aep_accuracy",
                    "aep_summary",
                    "aep_pruning",
                    "aep_exits",
                    "aep_costs",
                    "aep_scenarios",
                    "aep_spread",
                    "aep_comparison_figure",
                ],
                name="compare_aep",
            )
        ]
    )
