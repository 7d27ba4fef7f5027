"""`baselines`: plain networks around the costs of what a search found, trained as these are finished."""

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.baselines.nodes import plan_baselines, train_baselines

_SUPERNETS = ["narrow.adapted_supernet", "wide.adapted_supernet"]
_PLAN = [
    "front",
    *_SUPERNETS,
    "target_images",
    "params:baselines",
    "params:postprocess",
    "params:search",
    "params:goal",
    "params:run",
    "latency_table",
]
_TRAIN = [
    "baseline_plan",
    *_SUPERNETS,
    "target_images",
    "params:baselines",
    "params:postprocess",
    "params:search",
    "params:run",
    "finishing_store",
    "progress",
    "params:metric",
]


def create_pipeline() -> Pipeline:
    """Choose what bears on the verdict, then train it."""
    return Pipeline(
        [
            Node(plan_baselines, inputs=_PLAN, outputs="baseline_plan", name="plan_baselines"),
            Node(train_baselines, inputs=_TRAIN, outputs="plain_networks", name="train_baselines"),
        ]
    )
