"""`ofav2_eps`: the phases of Figure 5.3 in a row, once for each width."""

from collections.abc import Callable
from functools import partial, update_wrapper
from itertools import pairwise
from typing import Any

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.ofav2_eps.nodes import full_phase, report, shrinking_phase
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
                _named(shrinking_phase, phase),
                inputs=[outputs[before], outputs["full"], "source_images", *_SHARED],
                outputs=[outputs[phase], f"{phase}_accuracy"],
                name=phase,
            )
        )
    return Pipeline(nodes)


def _named(function: Callable[..., Any], phase: str) -> Callable[..., Any]:
    """`function` for `phase`, with the name that Kedro asks of every node's function.

    Not its annotations: Kedro would read them as those of the remaining arguments.
    """
    return update_wrapper(partial(function, phase), function, assigned=("__name__", "__doc__"))


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
    accuracies = [f"{width}.{phase}_accuracy" for width in WIDTHS for phase in PHASES]
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
