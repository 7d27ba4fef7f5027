"""`aep_compare`: all runs of `aep` that are kept, as the tables and the figure of chapter 4."""

from collections.abc import Callable, Mapping

import pandas as pd
from kedro.pipeline import Node, Pipeline
from plotly.graph_objects import Figure

from natv2.aep.report.tables import (
    accuracy_table,
    costs_table,
    exits_table,
    pruning_table,
    runs_table,
    scenarios_table,
    spread_table,
    summary_table,
    trade_offs,
)
from natv2.aep.report.trade_offs import trade_offs_figure

_TABLES: Mapping[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "aep_accuracy": accuracy_table,
    "aep_summary": summary_table,
    "aep_pruning": pruning_table,
    "aep_exits": exits_table,
    "aep_costs": costs_table,
    "aep_scenarios": scenarios_table,
    "aep_spread": spread_table,
    "aep_compared_runs": runs_table,
}
"""Tables 4.3/4.4, 4.5, 4.6, 4.7, 4.8-4.10 and 4.11, the spread over seeds of the first, and their runs."""


def compare_aep(runs: pd.DataFrame) -> tuple[pd.DataFrame | Figure, ...]:
    """All of these tables, and Figure 4.2."""
    return (*(table(runs) for table in _TABLES.values()), trade_offs_figure(trade_offs(runs)))


def create_pipeline() -> Pipeline:
    """One node; what it reads was written by many runs of `aep`."""
    outputs = [*_TABLES, "aep_comparison_figure"]
    return Pipeline([Node(compare_aep, inputs="aep_runs", outputs=outputs, name="compare_aep")])
