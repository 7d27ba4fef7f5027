"""`natv2_compare`: all searches from supernets of `source` that are kept, as tables and figures."""

import pandas as pd
from kedro.pipeline import Node, Pipeline
from plotly.graph_objects import Figure

from natv2.postprocess.report.searches import postprocessed_figure
from natv2.search.report.comparison import (
    finished_networks,
    searched_networks,
    searches_mean,
    searches_table,
)
from natv2.search.report.comparison_figures import complete_figure, presets_figure, supernets_figure


def compare_searches(
    fronts: pd.DataFrame, summaries: pd.DataFrame, finished: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, Figure, Figure, Figure, Figure]:
    """A table of all searches, their means over seeds, Figures 6.7/6.8, 6.9 and 6.11 on validation images.

    And Figure 6.10, what post-processing made of their networks, on test images.
    """
    networks = searched_networks(fronts, summaries, finished)
    table = searches_table(networks)
    return (
        table,
        searches_mean(table),
        supernets_figure(networks),
        presets_figure(networks),
        complete_figure(networks),
        postprocessed_figure(finished_networks(networks, finished)),
    )


def create_pipeline() -> Pipeline:
    """One node; what it reads was written by many runs of `natv2_search` and `postprocess`."""
    inputs = ["search_fronts", "search_summaries", "search_results"]
    figures = [f"{name}_figure" for name in ("supernets", "presets", "complete", "postprocessed")]
    outputs = ["searches_table", "searches_mean", *figures]
    return Pipeline([Node(compare_searches, inputs=inputs, outputs=outputs, name="compare_searches")])
