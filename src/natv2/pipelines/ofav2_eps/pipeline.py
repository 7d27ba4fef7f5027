"""`ofav2_eps`: the phases of Figure 5.3 in a row, once for each width, and the test of what they made."""

from itertools import pairwise

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.ofav2_eps.nodes import evaluate_steps, full_phase, phase_node, report
from natv2.ranks.side_by_side import ONE_RANK
from natv2.shrinking.phases import PHASES
from natv2.shrinking.report.page import training_page

WIDTHS = ("narrow", "wide")
_TRAINING = ("source_images", "params:training", "params:run")
_TESTS = ("test_accuracy", "test_table")
_REPORTS = ("accuracy", "table", "figure", "probes", "health_figure", "curves", "curves_figure")


def _phases() -> Pipeline:
    """The phases at one width; what the last of them gives is the supernet."""
    names = list(PHASES)
    outputs = {name: f"{name}_supernet" for name in names} | {names[-1]: "supernet"}
    full = [outputs["full"], "full_report"]
    nodes = [Node(full_phase, [*_TRAINING, "params:width", "progress"], full, name="full", tags=ONE_RANK)]
    for before, phase in pairwise(names):
        inputs = [*_TRAINING, outputs[before], outputs["full"], "progress"]
        made = [outputs[phase], f"{phase}_report"]
        nodes.append(Node(phase_node(phase), inputs, made, name=phase, tags=ONE_RANK))
    reports = [f"{name}_report" for name in names]
    nodes.append(Node(report, inputs=reports, outputs=list(_REPORTS), name="report"))
    last_of_step = {phase.step: phase.name for phase in PHASES.values() if phase.name != "single_stage"}
    tested = [outputs[phase] for phase in (*last_of_step.values(), "single_stage")]
    asked = [*_TRAINING, "progress", *tested]
    nodes.append(Node(evaluate_steps, asked, list(_TESTS), name="test", tags=ONE_RANK))
    # One output for people instead of nine keeps these within the drawing of a width.
    nodes.append(Node(training_page, inputs=[*_REPORTS, *_TESTS], outputs="page", name="page"))
    return Pipeline(nodes)


def create_pipeline() -> Pipeline:
    """The same for each of the two widths."""
    shared = ("params:training", "params:run")
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
