"""Accuracy over what a phase has unlocked (thesis, section 5.3)."""

from collections.abc import Sequence

import pandas as pd

from natv2.images.batches import calibration_batches, evaluation_batches
from natv2.images.image_set import ImageSet, ImageSplits
from natv2.run import Run
from natv2.shrinking.config import Training
from natv2.shrinking.identity import row_identity
from natv2.shrinking.phases import PHASES, choices
from natv2.spaces.architecture import Architecture
from natv2.spaces.choices import combinations
from natv2.supernets.supernet import Supernet
from natv2.training.evaluation import Evaluator


def phase_accuracy(
    supernet: Supernet,
    phase: str,
    *,
    images: ImageSplits,
    part: ImageSet,
    training: Training,
    run: Run,
    name: str,
) -> pd.DataFrame:
    """Top-1 on `part` of the constant combinations of what `phase` has unlocked, one a row (section 5.3).

    After the phase "full" an early-exit network is tested as the ensemble of its exits.
    """
    networks = tested_networks(supernet, phase, training)
    family = {supernet.width: supernet}
    return pd.DataFrame(
        {
            **row_identity(supernet, training, run, images),
            "phase": phase,
            "step": PHASES[phase].step,
            **described(networks),
            "accuracy": evaluator(images, part, training, run).accuracies(family, networks, name),
        }
    )


def tested_networks(supernet: Supernet, phase: str, training: Training) -> list[Architecture]:
    """The constant combinations of what `phase` has unlocked; of the phase "full" the largest network."""
    resolutions: Sequence[int] = training.resolutions
    unlocked = choices(supernet.design, phase, training.schedule)
    if training.eps.evaluation == "extremes":
        resolutions, unlocked = sorted({resolutions[0], resolutions[-1]}), unlocked.extremes()
    if phase == "full":
        return [supernet.largest(resolution) for resolution in resolutions]
    return combinations(supernet.design, unlocked, resolutions=resolutions, width=supernet.width)


def evaluator(images: ImageSplits, part: ImageSet, training: Training, run: Run) -> Evaluator:
    """What tests subnets on `part`."""
    return Evaluator(
        calibration=calibration_batches(images, training.eps.calibration, run.seed),
        images=evaluation_batches(images, part, training.eps.evaluation_batch_size),
        exit_weights=training.exit_weights.output,
    )


def described(networks: Sequence[Architecture]) -> dict[str, list[object]]:
    """What `networks` of constant values are, a list for each column: their first level tells all others."""
    return {
        "resolution": [a.resolution for a in networks],
        "exit": ["ensemble" if len(a.exits) > 1 else str(a.exits[0]) for a in networks],
        "depth": [a.depths[0] for a in networks],
        "kernel": [a.kernels[0] for a in networks],
        "expand_ratio": [a.expand_ratios[0] for a in networks],
        "mask": [a.masks[0] for a in networks],
    }
