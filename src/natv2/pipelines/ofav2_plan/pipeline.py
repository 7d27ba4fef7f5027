"""`ofav2_plan`: what `ofav2_eps` will take with the same parameters."""

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.ofav2_plan.nodes import plan_training

_PARAMETERS = (
    "supernet",
    "elastic",
    "eps",
    "schedule",
    "teacher",
    "kd",
    "seed",
    "precision",
    "widths",
    "device",
)


def create_pipeline() -> Pipeline:
    """One node, which trains a few steps of each phase and forgets them."""
    inputs = ["source_images", *(f"params:{name}" for name in _PARAMETERS), "progress"]
    return Pipeline([Node(plan_training, inputs=inputs, outputs="plan", name="plan")])
