"""The node of `ofav2_compare`."""

import pandas as pd
from plotly.graph_objects import Figure

from natv2.shrinking.report.comparison import best_at_each_step, comparison_figure, comparison_table


def compare(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, Figure]:
    """Tables 5.3 and 5.4, which training is best at each step, and both as a figure, on test images."""
    table = comparison_table(rows)
    return table, best_at_each_step(table), comparison_figure(table)
