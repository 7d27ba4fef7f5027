"""`natv2_search`: from the supernets of `source` to an archive, a front and supernets for `dataset`."""

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.natv2_search.nodes import (
    know_costs,
    report_search,
    search_and_keep,
    warm_up_largest_network,
    warm_up_supernets,
)
from natv2.ranks.side_by_side import ONE_RANK

_IMAGES = ["target_images", "params:search"]
_RUN = ["params:run", "progress"]
_COSTS = [
    "narrow.supernet",
    "wide.supernet",
    *_IMAGES,
    "params:goal",
    "params:training",
    "params:run",
    "latency_store",
    "progress",
]
_SEARCH = [
    "narrow.warm_supernet",
    "wide.warm_supernet",
    "target_images",
    "latency_table",
    "params:search",
    "params:goal",
    "params:preset",
    *_RUN,
    "params:metric",
]
_FOUND = [
    "archive",
    "archive_by_turn",
    "predictor_data",
    "search_history",
    "search_summary",
    "narrow.adapted_supernet",
    "wide.adapted_supernet",
    "turn_supernets",
]
_FIGURES = [
    "front",
    "front_figure",
    "front_image",
    "search_figure",
    "fronts_figure",
    "architectures_figure",
]


def create_pipeline() -> Pipeline:
    """Warm-up in three phases (section 3.3.3), the search, its report."""
    warm_up = [
        Node(
            warm_up_largest_network,
            inputs=[f"{width}.supernet", *_IMAGES, *_RUN],
            outputs=f"{width}.warm_largest",
            name=f"warm_up_largest_{width}",
            tags=ONE_RANK,
        )
        for width in ("narrow", "wide")
    ]
    return Pipeline(
        [
            # Of what can run, the first by its name does.
            Node(know_costs, inputs=_COSTS, outputs=["latency_table", "latency_check"], name="costs"),
            *warm_up,
            Node(
                warm_up_supernets,
                inputs=["narrow.warm_largest", "wide.warm_largest", *_IMAGES, *_RUN],
                outputs=["narrow.warm_supernet", "wide.warm_supernet"],
                name="warm_up_supernets",
            ),
            Node(search_and_keep, inputs=_SEARCH, outputs=_FOUND, name="search"),
            Node(
                report_search,
                inputs=["archive", "archive_by_turn", "search_history", "search_summary"],
                outputs=_FIGURES,
                name="search_report",
            ),
        ]
    )
