"""The node of `aep_compare`."""

import pandas as pd
from plotly.graph_objects import Figure

from natv2.aep.report.tables import (
    accuracy_table,
    costs_table,
    exits_table,
    pruning_table,
    scenarios_table,
    spread_table,
    summary_table,
    trade_offs,
)
from natv2.aep.report.trade_offs import trade_offs_figure


def compare_aep(
    runs: pd.DataFrame,
) -> tuple[
    pd.DataFrame,
    pd.DataFrame,
    pd.DataFrame,
    pd.DataFrame,
    pd.DataFrame,
    pd.DataFrame,
    pd.DataFrame,
    Figure,
]:
    """Tables 4.3/4.4, 4.5, 4.6, 4.7, 4.8-4.10 and 4.11, the spread over seeds of the first, Figure 4.2."""
    return (
        accuracy_table(runs),
        summary_table(runs),
        pruning_table(runs),
        exits_table(runs),
        costs_table(runs),
        scenarios_table(runs),
        spread_table(runs),
        trade_offs_figure(trade_offs(runs)),
    )
