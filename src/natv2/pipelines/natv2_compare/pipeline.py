"""`natv2_compare`: all searches from supernets of `source` that are kept, as tables and figures."""

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.natv2_compare.nodes import compare_searches


def create_pipeline() -> Pipeline:
    """One node; what it reads was written by many runs of `natv2_search` and `postprocess`."""
    return Pipeline(
        [
            Node(
                compare_searches,
                inputs=["search_fronts", "search_summaries", "search_results"],
                outputs=[
                    "searches_table",
                    "searches_mean",
                    "supernets_figure",
                    "presets_figure",
                    "complete_figure",
                ],
                name="compare_searches",
            )
        ]
    )
