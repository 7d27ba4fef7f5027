"""One phase of Extended Progressive Shrinking: training, then accuracy over what is unlocked."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd

from natv2.exits import Weighting, exit_weights
from natv2.images import (
    Batch,
    ImageSplits,
    calibration_batches,
    evaluation_batches,
    steps_per_epoch,
    training_batches,
)
from natv2.randomness import numpy_generator
from natv2.shrinking.phases import PHASES, choices, sample
from natv2.spaces import Architecture, combinations
from natv2.supernets import Supernet, sort_channels
from natv2.training.distillation import Teacher, make_teacher
from natv2.training.evaluation import Evaluator
from natv2.training.loop import Step, fit
from natv2.training.optimiser import OptimiserConfig
from natv2.training.progress import Progress
from natv2.training.steps import elastic_step, joint_step


@dataclass(frozen=True, kw_only=True)
class ShrinkingConfig:
    """What determines a phase beside the supernet and the images (thesis, section 5.2.2, Table 5.2).

    `extremes_only` tests the smallest and largest value of each elastic dimension, not all.
    """

    resolutions: tuple[int, ...]
    batch_size: int
    subnets: int
    optimiser: OptimiserConfig
    kd_ratio: float
    label_smoothing: float
    exit_weights: Weighting
    calibration_images: int
    calibration_batch_size: int
    evaluation_batch_size: int
    extremes_only: bool
    seed: int


def train_phase(
    supernet: Supernet,
    phase: str,
    *,
    teacher: Supernet | None,
    images: ImageSplits,
    config: ShrinkingConfig,
    progress: Progress,
) -> None:
    """Train `supernet` in place through `phase`; `teacher` is the supernet whose largest network teaches.

    The phase "full" trains the largest network by itself: all exits, no teacher.
    """
    if PHASES[phase].step == "width":
        before = [name for name, p in PHASES.items() if p.applies_to(supernet.design)]
        sort_channels(supernet, choices(supernet.design, before[before.index(phase) - 1]).expand_ratios)
    batches = partial(
        training_batches,
        images,
        images.train,
        batch_size=config.batch_size,
        seed=config.seed,
        purpose=progress.name,
    )
    fit(
        supernet,
        _step(supernet, phase, teacher, images, config, progress.name),
        lambda epoch: batches(epoch=epoch),
        steps=steps_per_epoch(images.train, config.batch_size),
        config=config.optimiser,
        progress=progress,
        seed=config.seed,
    )


def _step(
    supernet: Supernet,
    phase: str,
    teacher: Supernet | None,
    images: ImageSplits,
    config: ShrinkingConfig,
    name: str,
) -> Step:
    def resolution(epoch: int, step: int) -> int:
        # Elastic resolution: one size a batch (section 3.2.2).
        return int(numpy_generator(config.seed, name, "resolution", epoch, step).choice(config.resolutions))

    if phase == "full":
        losses, _ = exit_weights(config.exit_weights, len(supernet.design.exits))
        return joint_step(
            supernet,
            lambda epoch, step: supernet.largest(resolution(epoch, step)),
            losses,
            label_smoothing=config.label_smoothing,
        )
    unlocked = choices(supernet.design, phase)

    def subnets(epoch: int, step: int) -> list[Architecture]:
        return sample(
            unlocked,
            config.subnets,
            resolution=resolution(epoch, step),
            width=supernet.width,
            generator=numpy_generator(config.seed, name, "subnets", epoch, step),
        )

    return elastic_step(
        {supernet.width: supernet},
        subnets,
        _teacher(teacher, images, config) if teacher is not None and config.kd_ratio > 0 else None,
        kd_ratio=config.kd_ratio,
        label_smoothing=config.label_smoothing,
    )


def _teacher(supernet: Supernet, images: ImageSplits, config: ShrinkingConfig) -> Teacher:
    _, outputs = exit_weights(config.exit_weights, len(supernet.design.exits))
    return make_teacher(
        supernet,
        [supernet.largest(resolution) for resolution in config.resolutions],
        outputs,
        _calibration(images, config),
    )


def phase_accuracy(
    supernet: Supernet, phase: str, *, images: ImageSplits, config: ShrinkingConfig, name: str
) -> pd.DataFrame:
    """Validation top-1 of the constant combinations of what `phase` has unlocked, one a row (section 5.3).

    Behind the phase "full" an early-exit network is tested as the ensemble of its exits.
    """
    resolutions: Sequence[int] = config.resolutions
    unlocked = choices(supernet.design, phase)
    if config.extremes_only:
        resolutions, unlocked = sorted({resolutions[0], resolutions[-1]}), unlocked.extremes()
    if phase == "full":
        networks = [supernet.largest(resolution) for resolution in resolutions]
    else:
        networks = combinations(unlocked, resolutions=resolutions, width=supernet.width)
    evaluator = Evaluator(
        calibration=_calibration(images, config),
        images=evaluation_batches(images, images.valid, config.evaluation_batch_size),
        exit_weights=exit_weights(config.exit_weights, len(supernet.design.exits))[1],
    )
    accuracies = evaluator.accuracies({supernet.width: supernet}, networks, name)
    return pd.DataFrame(
        {
            "supernet": supernet.design.name,
            "width": supernet.width,
            "phase": phase,
            "step": PHASES[phase].step,
            "resolution": [a.resolution for a in networks],
            "exit": ["ensemble" if len(a.exits) > 1 else str(a.exits[0]) for a in networks],
            "depth": [a.depths[0] for a in networks],
            "kernel": [a.kernels[0] for a in networks],
            "expand_ratio": [a.expand_ratios[0] for a in networks],
            "mask": [a.masks[0] for a in networks],
            "accuracy": accuracies,
        }
    )


def _calibration(images: ImageSplits, config: ShrinkingConfig) -> list[Batch]:
    return calibration_batches(
        images, images=config.calibration_images, batch_size=config.calibration_batch_size, seed=config.seed
    )
