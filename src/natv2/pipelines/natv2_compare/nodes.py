"""The node of `natv2_compare`."""

import pandas as pd
from plotly.graph_objects import Figure

from natv2.search.report.comparison import mean_over_seeds, searched_networks, searches_table
from natv2.search.report.comparison_figures import complete_figure, presets_figure, supernets_figure


def compare_searches(
    fronts: pd.DataFrame, summaries: pd.DataFrame, finished: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, Figure, Figure, Figure]:
    """A table of all searches, their means over seeds, Figures 6.7/6.8, 6.9 and 6.11 on validation images."""
    networks = searched_networks(fronts, summaries, finished)
    table = searches_table(networks)
    return (
        table,
        mean_over_seeds(table),
        supernets_figure(networks),
        presets_figure(networks),
        complete_figure(networks),
    )
