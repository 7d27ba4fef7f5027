"""`natv2_search`: from the supernets of `source` to an archive, a front and supernets for `dataset`."""

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.natv2_search.nodes import (
    know_costs,
    report_search,
    search_networks,
    warm_up_largest_network,
    warm_up_supernets,
)

_SHARED = ["target_images", "params:search"]
_REST = ["params:seed", "params:device", "params:precision", "progress"]


def create_pipeline() -> Pipeline:
    """Warm-up in three phases (section 3.3.3), the search, its report."""
    warm_up = [
        Node(
            warm_up_largest_network,
            inputs=[f"{width}.supernet", *_SHARED, *_REST],
            outputs=f"{width}.warm_largest",
            name=f"warm_up_largest_{width}",
        )
        for width in ("narrow", "wide")
    ]
    return Pipeline(
        [
            Node(
                know_costs,
                inputs=[
                    "narrow.supernet",
                    "wide.supernet",
                    *_SHARED,
                    "params:objectives",
                    "params:constraints",
                    "params:teacher",
                    "params:threads",
                    "params:seed",
                    "params:device",
                    "latency_store",
                    "progress",
                ],
                outputs=["latency_table", "latency_check"],
                name="costs",  # of what can run, the first by its name does
            ),
            *warm_up,
            Node(
                warm_up_supernets,
                inputs=["narrow.warm_largest", "wide.warm_largest", *_SHARED, *_REST],
                outputs=["narrow.warm_supernet", "wide.warm_supernet"],
                name="warm_up_supernets",
            ),
            Node(
                search_networks,
                inputs=[
                    "narrow.warm_supernet",
                    "wide.warm_supernet",
                    "target_images",
                    "latency_table",
                    "params:search",
                    "params:objectives",
                    "params:constraints",
                    "params:preset",
                    *_REST,
                ],
                outputs=[
                    "archive",
                    "archive_by_turn",
                    "predictor_data",
                    "search_history",
                    "search_summary",
                    "narrow.adapted_supernet",
                    "wide.adapted_supernet",
                ],
                name="search",
            ),
            Node(
                report_search,
                inputs=["archive", "archive_by_turn", "search_history", "search_summary"],
                outputs=[
                    "front",
                    "front_figure",
                    "front_image",
                    "search_figure",
                    "fronts_figure",
                    "architectures_figure",
                ],
                name="search_report",
            ),
        ]
    )
