"""Nodes of `ofav2_eps`: the phases of Extended Progressive Shrinking, and their report."""

from collections.abc import Callable

import pandas as pd
import torch
from plotly.graph_objects import Figure

from natv2.devices import resolve_device
from natv2.images import ImageSplits
from natv2.parameters import EpsParameters
from natv2.reporting.shrinking import shrinking_figure, shrinking_table
from natv2.shrinking.phases import PHASES
from natv2.shrinking.train import ShrinkingConfig, phase_accuracy, train_phase
from natv2.spaces import DESIGNS
from natv2.supernets import Checkpoint, Supernet
from natv2.training.optimiser import OptimiserConfig
from natv2.training.progress import Progress, State


def full_phase(
    images: ImageSplits,
    supernet: str,
    width: float,
    eps: EpsParameters,
    seed: int,
    device: str,
    progress: Progress,
) -> tuple[Checkpoint, pd.DataFrame]:
    """Train a new supernet's largest network; its checkpoint, and accuracy as the ensemble of its exits."""
    network = Supernet(DESIGNS[supernet], width, len(images.class_names), dropout=eps.dropout, seed=seed)
    network.to(memory_format=torch.channels_last)
    return _train(network, "full", None, images, eps, seed, device, progress)


def shrinking_phase(
    phase: str,
    previous: Checkpoint,
    full: Checkpoint,
    images: ImageSplits,
    eps: EpsParameters,
    seed: int,
    device: str,
    progress: Progress,
) -> tuple[Checkpoint, pd.DataFrame]:
    """Go on from the phase before; one that the supernet has no use for passes its checkpoint on.

    The teacher is the largest network of the phase before (progressive, section 5.1.3) or of the
    full phase (fixed).
    """
    if not PHASES[phase].applies_to(DESIGNS[previous.design]):
        return previous, pd.DataFrame()
    teacher = previous if eps.teacher == "progressive" else full
    supernet = previous.supernet(dropout=eps.dropout)
    return _train(supernet, phase, teacher.supernet(), images, eps, seed, device, progress)


def phase_node(phase: str) -> Callable[..., tuple[Checkpoint, pd.DataFrame]]:
    """`shrinking_phase` for one phase, with annotations that Kedro can read (a partial's it cannot)."""

    def node(
        previous: Checkpoint,
        full: Checkpoint,
        images: ImageSplits,
        eps: EpsParameters,
        seed: int,
        device: str,
        progress: Progress,
    ) -> tuple[Checkpoint, pd.DataFrame]:
        return shrinking_phase(phase, previous, full, images, eps, seed, device, progress)

    node.__name__ = phase
    return node


def _train(
    supernet: Supernet,
    phase: str,
    teacher: Supernet | None,
    images: ImageSplits,
    eps: EpsParameters,
    seed: int,
    device: str,
    progress: Progress,
) -> tuple[Checkpoint, pd.DataFrame]:
    target = resolve_device(device)
    eps = eps.at(images.sizes)
    images, supernet = images.to(target), supernet.to(target)
    teacher = teacher.to(target) if teacher is not None else None
    config = _config(eps, phase, seed)
    train_phase(supernet, phase, teacher=teacher, images=images, config=config, progress=progress)

    def accuracy() -> State:
        frame = phase_accuracy(supernet, phase, images=images, config=config, name=progress.name)
        tested = {"mean_accuracy": frame["accuracy"].mean(), "best_accuracy": frame["accuracy"].max()}
        progress.track(tested, config.optimiser.epochs)
        return State(values={"frame": frame.to_dict("list")})

    rows = pd.DataFrame(progress.remembered("accuracy", accuracy).values["frame"])
    origin = {"source": images.name, "seed": seed, "eps": eps.model_dump(mode="json")}
    checkpoint = Checkpoint.of(supernet, classes=images.class_names, phase=phase, origin=origin)
    return checkpoint, rows.assign(teacher=eps.teacher)


def _config(eps: EpsParameters, phase: str, seed: int) -> ShrinkingConfig:
    assert eps.resolutions is not None
    row = getattr(eps.phases, phase)
    optimiser = OptimiserConfig(
        learning_rate=row.lr,
        epochs=row.epochs,
        warmup_epochs=row.warmup_epochs,
        momentum=eps.momentum,
        weight_decay=eps.weight_decay,
        max_gradient_norm=eps.max_gradient_norm,
    )
    return ShrinkingConfig(
        resolutions=eps.resolutions,
        batch_size=eps.batch_size,
        subnets=row.subnets,
        optimiser=optimiser,
        kd_ratio=eps.kd_ratio,
        label_smoothing=eps.label_smoothing,
        exit_weights=eps.exit_weights,
        calibration_images=eps.calibration.images,
        calibration_batch_size=eps.calibration.batch_size,
        evaluation_batch_size=eps.evaluation_batch_size,
        extremes_only=eps.evaluation == "extremes",
        seed=seed,
    )


def collect_accuracies(*phases: pd.DataFrame) -> pd.DataFrame:
    """All tested subnets of one width; a phase that was passed over has none."""
    return pd.concat([frame for frame in phases if len(frame)], ignore_index=True)


def report(narrow: pd.DataFrame, wide: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, Figure]:
    """All tested subnets of both widths, the rows of Tables 5.3 and 5.4, and their figure."""
    rows = pd.concat([narrow, wide], ignore_index=True)
    return rows, shrinking_table(rows), shrinking_figure(rows)
