"""`ofav2_plan`: what `ofav2_eps` will take with the same parameters."""

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.ofav2_plan.nodes import plan_training


def create_pipeline() -> Pipeline:
    """One node, which trains a few steps of each phase and forgets them."""
    inputs = ["source_images", "params:training", "params:run", "params:widths", "progress"]
    return Pipeline([Node(plan_training, inputs=inputs, outputs="plan", name="plan")])
