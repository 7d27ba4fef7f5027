"""`ofav2_compare`: all trainings on `source` that are kept, in one table and one figure."""

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.ofav2_compare.nodes import compare


def create_pipeline() -> Pipeline:
    """One node; what it reads was written by many runs of `ofav2_eps`."""
    outputs = ["comparison_table", "comparison_best", "comparison_figure"]
    return Pipeline([Node(compare, inputs="eps_runs", outputs=outputs, name="compare")])
