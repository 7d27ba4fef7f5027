"""`ofav2_eps`: the phases of Figure 5.3 in a row, once for each width, and the test of what they made."""

from itertools import pairwise

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.ofav2_eps.nodes import evaluate_steps, full_phase, phase_node, report
from natv2.shrinking.phases import PHASES

WIDTHS = ("narrow", "wide")
_SETTINGS = ("supernet", "elastic", "eps", "schedule", "teacher", "kd", "seed", "precision")
_TRAINING = ("source_images", *(f"params:{name}" for name in _SETTINGS))
_DEVICE = ("params:device", "progress")
_REPORTS = ("accuracy", "table", "figure", "probes", "health_figure", "curves", "curves_figure")


def _phases() -> Pipeline:
    """The phases at one width; what the last of them gives is the supernet."""
    names = list(PHASES)
    outputs = {name: f"{name}_supernet" for name in names} | {names[-1]: "supernet"}
    nodes = [
        Node(
            full_phase,
            inputs=[*_TRAINING, "params:width", "params:init_from", *_DEVICE],
            outputs=[outputs["full"], "full_report"],
            name="full",
        ),
    ]
    for before, phase in pairwise(names):
        nodes.append(
            Node(
                phase_node(phase),
                inputs=[*_TRAINING, outputs[before], outputs["full"], *_DEVICE],
                outputs=[outputs[phase], f"{phase}_report"],
                name=phase,
            )
        )
    reports = [f"{name}_report" for name in names]
    nodes.append(Node(report, inputs=reports, outputs=list(_REPORTS), name="report"))
    last_of_step = {phase.step: phase.name for phase in PHASES.values() if phase.name != "whole"}
    tested = [outputs[phase] for phase in (*last_of_step.values(), "whole")]
    nodes.append(
        Node(
            evaluate_steps,
            inputs=[*_TRAINING, "params:init_from", *_DEVICE, *tested],
            outputs=["test_accuracy", "test_table"],
            name="test",
        )
    )
    return Pipeline(nodes)


def create_pipeline() -> Pipeline:
    """The same for each of the two widths."""
    shared = {f"params:{name}" for name in (*_SETTINGS, "init_from", "device")}
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
    return sum(widths, Pipeline([]))
