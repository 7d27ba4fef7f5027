"""`natv2_plan`: what `natv2_search` will take with the same parameters."""

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.natv2_plan.nodes import plan_stages

_PARAMETERS = ("training", "search", "goal", "run", "widths")


def create_pipeline() -> Pipeline:
    """One node, which trains a few steps of each stage and forgets them."""
    inputs = ["target_images", *(f"params:{name}" for name in _PARAMETERS), "progress"]
    return Pipeline([Node(plan_stages, inputs=inputs, outputs="search_plan", name="search_plan")])
