"""`ofav2_eps`: the phases of Figure 5.3 in a row, once for each width."""

from itertools import pairwise

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.ofav2_eps.nodes import collect_accuracies, full_phase, phase_node, report
from natv2.shrinking.phases import PHASES

WIDTHS = ("narrow", "wide")
_SHARED = ("params:eps", "params:seed", "params:device", "progress")


def _phases() -> Pipeline:
    """The phases at one width; what the last of them gives is the supernet."""
    names = list(PHASES)
    outputs = {name: f"{name}_supernet" for name in names} | {names[-1]: "supernet"}
    nodes = [
        Node(
            full_phase,
            inputs=["source_images", "params:supernet", "params:width", *_SHARED],
            outputs=[outputs["full"], "full_accuracy"],
            name="full",
        )
    ]
    for before, phase in pairwise(names):
        nodes.append(
            Node(
                phase_node(phase),
                inputs=[outputs[before], outputs["full"], "source_images", *_SHARED],
                outputs=[outputs[phase], f"{phase}_accuracy"],
                name=phase,
            )
        )
    accuracies = [f"{name}_accuracy" for name in names]
    nodes.append(Node(collect_accuracies, inputs=accuracies, outputs="accuracy", name="accuracy"))
    return Pipeline(nodes)


def create_pipeline() -> Pipeline:
    """Both widths, then their report."""
    shared = {"params:supernet", *_SHARED[:-1]}
    widths = [
        Pipeline(
            _phases(),
            namespace=width,
            inputs={"source_images", "progress"},
            parameters={**{name: name for name in shared}, "params:width": f"params:widths.{width}"},
            prefix_datasets_with_namespace=True,
        )
        for width in WIDTHS
    ]
    accuracies = [f"{width}.accuracy" for width in WIDTHS]
    reporting = Pipeline(
        [
            Node(
                report,
                inputs=accuracies,
                outputs=["eps_accuracy", "eps_table", "eps_figure"],
                name="eps_report",
            )
        ]
    )
    return sum(widths, reporting)
