"""`ofav2_compare`: all trainings on `source` that are kept, in one table and one figure."""

import pandas as pd
from kedro.pipeline import Node, Pipeline
from plotly.graph_objects import Figure

from natv2.shrinking.report.comparison import best_at_each_step, comparison_figure, comparison_table


def compare(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, Figure]:
    """Tables 5.3 and 5.4, which training is best at each step, and both as a figure, on test images."""
    table = comparison_table(rows)
    return table, best_at_each_step(table), comparison_figure(table)


def create_pipeline() -> Pipeline:
    """One node; what it reads was written by many runs of `ofav2_eps`."""
    outputs = ["comparison_table", "comparison_best", "comparison_figure"]
    return Pipeline([Node(compare, inputs="eps_runs", outputs=outputs, name="compare")])
