"""Nodes of `ofav2_eps`: the phases of a supernet's training, their report, and the test of what they made."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from plotly.graph_objects import Figure

from natv2.devices import Precision, resolve_device
from natv2.errors import UserError
from natv2.images.image_set import ImageSplits
from natv2.shrinking.accuracy import phase_accuracy
from natv2.shrinking.config import PhaseConfig, ShrinkingConfig, TeacherChoice, equal_epochs
from natv2.shrinking.eps_config import ElasticParameters, EpsParameters
from natv2.shrinking.phases import Schedule, phases_of, steps_of
from natv2.shrinking.probes import health, probe
from natv2.shrinking.report.health import health_figure
from natv2.shrinking.report.learning_curves import learning_figure
from natv2.shrinking.report.phases import shrinking_figure, shrinking_table
from natv2.shrinking.train import train_phase
from natv2.spaces.design import Design
from natv2.supernets.checkpoint import Checkpoint
from natv2.supernets.supernet import Supernet
from natv2.supernets.transfer import starting_weights
from natv2.training.distillation import Distillation
from natv2.training.optimiser import OptimiserConfig
from natv2.training.state_store import Progress, State

Report = Mapping[str, pd.DataFrame]
"""What a phase says of itself: `accuracy` of what is unlocked, `probes`, `curve` with a row an epoch."""


def configure(
    images: ImageSplits,
    design: Design,
    eps: EpsParameters,
    schedule: Schedule,
    teacher: TeacherChoice,
    kd: Distillation,
    seed: int,
    precision: Precision,
) -> ShrinkingConfig:
    """All that determines the training beside the images, from what a person may set."""
    resolutions = eps.at(images.sizes).resolutions
    assert resolutions is not None
    rows = eps.phases.model_dump()
    whole = rows.pop("whole")
    phases = {name: _phase(row, eps, precision) for name, row in rows.items()}
    if whole["epochs"] is None:
        whole["epochs"] = equal_epochs(phases, design, whole["subnets"])
        if "whole" in phases_of(design, schedule) and whole["warmup_epochs"] > whole["epochs"]:
            raise UserError(
                f"eps.phases.whole.warmup_epochs ({whole['warmup_epochs']}) must not be above the "
                f"{whole['epochs']} epochs that equal the other phases' training"
            )
    return ShrinkingConfig(
        schedule=schedule,
        teacher=teacher,
        kd=kd,
        phases={**phases, "whole": _phase(whole, eps, precision)},
        resolutions=resolutions,
        batch_size=eps.batch_size,
        kd_ratio=eps.kd_ratio,
        label_smoothing=eps.label_smoothing,
        dropout=eps.dropout,
        exit_weights=eps.exit_weights,
        calibration_images=eps.calibration.images,
        calibration_batch_size=eps.calibration.batch_size,
        evaluation_batch_size=eps.evaluation_batch_size,
        extremes_only=eps.evaluation == "extremes",
        probes=eps.probes,
        seed=seed,
    )


def _phase(row: Mapping[str, Any], eps: EpsParameters, precision: Precision) -> PhaseConfig:
    optimiser = OptimiserConfig(
        learning_rate=row["lr"],
        epochs=row["epochs"],
        warmup_epochs=row["warmup_epochs"],
        momentum=eps.momentum,
        weight_decay=eps.weight_decay,
        max_gradient_norm=eps.max_gradient_norm,
        precision=precision,
    )
    return PhaseConfig(optimiser=optimiser, subnets=row["subnets"])


def full_phase(
    images: ImageSplits,
    supernet: str,
    elastic: ElasticParameters,
    eps: EpsParameters,
    schedule: Schedule,
    teacher: TeacherChoice,
    kd: Distillation,
    seed: int,
    precision: Precision,
    width: float,
    init_from: Path | None,
    device: str,
    progress: Progress,
) -> tuple[Checkpoint, Report]:
    """A new supernet, or one that starts from a checkpoint, and its largest network trained."""
    design, images = elastic.design(supernet), images.to(resolve_device(device))
    config = configure(images, design, eps, schedule, teacher, kd, seed, precision)
    network = Supernet(design, width, len(images.class_names), dropout=config.dropout, seed=config.seed)
    if init_from is not None:
        starting_weights(network, Path(init_from), images.class_names)
    network.to(memory_format=torch.channels_last)
    if "full" not in phases_of(design, schedule):
        return _checkpoint(network, "none", images, config, []), {}
    return _train(network, "full", None, images, config, progress)


def phase_node(phase: str) -> Callable[..., tuple[Checkpoint, Report]]:
    """The node of one phase, with annotations that Kedro can read (a partial's it cannot)."""

    def node(
        images: ImageSplits,
        supernet: str,
        elastic: ElasticParameters,
        eps: EpsParameters,
        schedule: Schedule,
        teacher: TeacherChoice,
        kd: Distillation,
        seed: int,
        precision: Precision,
        previous: Checkpoint,
        full: Checkpoint,
        device: str,
        progress: Progress,
    ) -> tuple[Checkpoint, Report]:
        """Go on from the phase before; one that the training has no use for passes its checkpoint on.

        The teacher is the largest network of the phase before (progressive, section 5.1.3) or of the
        full phase (fixed).
        """
        design = elastic.design(supernet)
        if phase not in phases_of(design, schedule):
            return previous, {}
        images = images.to(resolve_device(device))
        config = configure(images, design, eps, schedule, teacher, kd, seed, precision)
        for checkpoint in (full, previous):
            _check_training(checkpoint, config, images)
        earlier = (previous if teacher == "progressive" else full, previous)
        network = previous.supernet(dropout=config.dropout)
        return _train(network, phase, earlier, images, config, progress)

    node.__name__ = phase
    return node


def _train(
    supernet: Supernet,
    phase: str,
    earlier: tuple[Checkpoint, Checkpoint] | None,
    images: ImageSplits,
    config: ShrinkingConfig,
    progress: Progress,
) -> tuple[Checkpoint, Report]:
    """Train and test; `earlier` are the teacher's checkpoint and that of the phase before."""
    supernet = supernet.to(images.device)
    teacher = earlier[0].supernet().to(images.device) if earlier else None
    history = train_phase(supernet, phase, teacher=teacher, images=images, config=config, progress=progress)
    before = earlier[1].origin.get("probes", []) if earlier else []

    def tested() -> State:
        options: dict[str, Any] = {"images": images, "config": config, "name": progress.name}
        frame = phase_accuracy(supernet, phase, part=images.valid, **options)
        probes = probe(supernet, phase, **options)
        metrics = {"mean_accuracy": frame["accuracy"].mean(), "best_accuracy": frame["accuracy"].max()}
        metrics |= health(probes["accuracy"].tolist(), probes["uncalibrated"].tolist(), before)
        progress.track(metrics, config.phases[phase].optimiser.epochs)
        return State(values={"accuracy": frame.to_dict("list"), "probes": probes.to_dict("list")})

    values = progress.remembered("accuracy", tested).values
    report = {name: pd.DataFrame(values[name]) for name in ("accuracy", "probes")}
    curve = pd.DataFrame(history).assign(phase=phase, epoch=range(1, len(history) + 1))
    checkpoint = _checkpoint(supernet, phase, images, config, report["probes"]["accuracy"].tolist())
    return checkpoint, {**report, "curve": curve}


def _checkpoint(
    supernet: Supernet, phase: str, images: ImageSplits, config: ShrinkingConfig, probes: list[float]
) -> Checkpoint:
    training = config.training(supernet.design, images)
    origin = {**training, "resolutions": list(config.resolutions), "probes": probes}
    return Checkpoint.of(supernet, classes=images.class_names, phase=phase, origin=origin)


def _check_training(checkpoint: Checkpoint, config: ShrinkingConfig, images: ImageSplits) -> None:
    """Raise UserError where a checkpoint, perhaps of another run, is of another training than asked for."""
    for name, asked in config.training(checkpoint.design, images).items():
        if (found := checkpoint.origin.get(name, asked)) != asked:
            what = "other rates, epochs, sizes or images" if name == "settings" else f"{name}={found}"
            raise UserError(
                f"the supernet behind phase {checkpoint.phase} was trained with {what}, not as asked for "
                f"({name}={asked}); ask for what it was trained with, or run the whole of ofav2_eps"
            )


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
    images: ImageSplits,
    supernet: str,
    elastic: ElasticParameters,
    eps: EpsParameters,
    schedule: Schedule,
    teacher: TeacherChoice,
    kd: Distillation,
    seed: int,
    precision: Precision,
    init_from: Path | None,
    device: str,
    progress: Progress,
    *checkpoints: Checkpoint,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Test top-1 behind each step, from its saved checkpoint: a row of Table 5.3 that nothing reads back."""
    design = elastic.design(supernet)
    config = configure(images, design, eps, schedule, teacher, kd, seed, precision)
    target = resolve_device(device)
    images = images.to(target)
    for checkpoint in checkpoints:
        _check_training(checkpoint, config, images)
    made = {checkpoint.phase: checkpoint for checkpoint in checkpoints}
    frames = []
    for phase in steps_of(design, schedule).values():

        def tested(phase: str = phase) -> State:
            frame = phase_accuracy(
                made[phase].supernet().to(target),
                phase,
                images=images,
                part=images.test,
                config=config,
                name=f"{progress.name}, {phase}",
            )
            return State(values={"accuracy": frame.to_dict("list")})

        frames.append(pd.DataFrame(progress.remembered(phase, tested).values["accuracy"]))
    rows = pd.concat(frames, ignore_index=True)
    if init_from is not None:  # no seed of a training that starts from nothing
        rows["settings"] += f" from {init_from}"
    return rows, shrinking_table(rows)
