"""Nodes of `ofav2_eps`: the phases of a supernet's training, their report, and the test of what they made."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import torch
from plotly.graph_objects import Figure

from natv2.images.image_set import ImageSplits
from natv2.run import Run
from natv2.shrinking.config import Training
from natv2.shrinking.identity import check_identity
from natv2.shrinking.phase import Report, phase_checkpoint, run_phase, steps_accuracy
from natv2.shrinking.report.health import health_figure
from natv2.shrinking.report.learning_curves import learning_figure
from natv2.shrinking.report.phases import shrinking_figure, shrinking_table
from natv2.shrinking.teacher import teaching_supernet
from natv2.supernets.checkpoint import Checkpoint
from natv2.supernets.supernet import Supernet
from natv2.supernets.transfer import transfer_weights
from natv2.training.state_store import StateStore


def full_phase(
    images: ImageSplits, training: Training, run: Run, width: float, store: StateStore
) -> tuple[Checkpoint, Report]:
    """A new supernet, or one that starts from a checkpoint, and its largest network trained."""
    images, training = images.to(run.device), training.at(images.sizes)
    dropout, classes = training.eps.dropout, len(images.class_names)
    network, normalisation = Supernet(training.design, width, classes, dropout=dropout, seed=run.seed), None
    if training.init_from is not None:
        start = transfer_weights(network, training.init_from, images.class_names)
        images, normalisation = start.normalised(images), start.normalisation
    network.to(memory_format=torch.channels_last)
    if "full" not in training.phases:
        untrained = phase_checkpoint(network, "none", images, training, run)
        return replace(untrained, normalisation=normalisation), {}
    trained, told = run_phase(network, "full", images, training, run, store)
    return replace(trained, normalisation=normalisation), told


def phase_node(phase: str) -> Callable[..., tuple[Checkpoint, Report]]:
    """The node of one phase, with annotations that Kedro can read (a partial's it cannot)."""

    def node(
        images: ImageSplits,
        training: Training,
        run: Run,
        previous: Checkpoint,
        full: Checkpoint,
        store: StateStore,
    ) -> tuple[Checkpoint, Report]:
        """Train on from the phase before; a phase without a use passes its checkpoint on."""
        if phase not in training.phases:
            return previous, {}
        images, training = previous.normalised(images).to(run.device), training.at(images.sizes)
        for each in (full, previous):
            check_identity(each, training, run, images)
        teacher = teaching_supernet(full, previous, images, training, run, store)
        trained, told = run_phase(
            previous.supernet(dropout=training.eps.dropout),
            phase,
            images,
            training,
            run,
            store,
            teacher=teacher,
            before=previous.origin.get("probes", []),
        )
        return replace(trained, normalisation=previous.normalisation), told

    node.__name__ = phase
    return node


def report(
    *phases: Report,
) -> tuple[pd.DataFrame, pd.DataFrame, Figure, pd.DataFrame, Figure, pd.DataFrame, Figure]:
    """Tested subnets with their table and figure, probes and curves with theirs: all on validation images."""
    rows, probes, curves = (
        pd.concat([phase[name] for phase in phases if phase], ignore_index=True)
        for name in ("accuracy", "probes", "curve")
    )
    return (
        rows,
        shrinking_table(rows),
        shrinking_figure(rows),
        probes,
        health_figure(probes),
        curves,
        learning_figure(curves),
    )


def evaluate_steps(
    images: ImageSplits, training: Training, run: Run, store: StateStore, *checkpoints: Checkpoint
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Test top-1 after each step, from its saved checkpoint: a row of Table 5.3 that nothing reads back."""
    images, training = checkpoints[0].normalised(images).to(run.device), training.at(images.sizes)
    rows = steps_accuracy(checkpoints, images, training, run, store)
    return rows, shrinking_table(rows)
