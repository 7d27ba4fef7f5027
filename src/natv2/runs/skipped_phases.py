"""Phases of a supernet's training that it has no use for: they are passed over, and that is said once."""

from kedro.pipeline import Pipeline

from natv2.shrinking.config import Training
from natv2.shrinking.phases import PHASES


def skipped_phases(pipeline: Pipeline, training: Training) -> dict[str, str]:
    """The names of the nodes of `pipeline` that pass a supernet on as it is, each with its phase."""
    unused = [name for name in PHASES if name not in training.phases]
    nodes = {node.name: node.name.rpartition(".")[2] for node in pipeline.nodes if node.namespace}
    return {name: phase for name, phase in nodes.items() if phase in unused}


def said_of_skipped(skipped: dict[str, str], training: Training) -> str:
    """The sentence on them."""
    phases = ", ".join(phase for phase in PHASES if phase in skipped.values())
    return f"{training.supernet} with schedule={training.schedule} has no use for {phases}: passed over"
