"""Accuracy over what a phase has unlocked (thesis, section 5.3)."""

from collections.abc import Sequence

import pandas as pd

from natv2.images.batches import evaluation_batches
from natv2.images.image_set import ImageSet, ImageSplits
from natv2.shrinking.config import ShrinkingConfig
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
    config: ShrinkingConfig,
    name: str,
) -> pd.DataFrame:
    """Top-1 on `part` of the constant combinations of what `phase` has unlocked, one a row (section 5.3).

    Behind the phase "full" an early-exit network is tested as the ensemble of its exits.
    """
    networks = tested_networks(supernet, phase, config)
    accuracies = evaluator(supernet, images, part, config).accuracies(
        {supernet.width: supernet}, networks, name
    )
    return pd.DataFrame(
        {
            **identity(supernet, images, config),
            "phase": phase,
            "step": PHASES[phase].step,
            **described(networks),
            "accuracy": accuracies,
        }
    )


def tested_networks(supernet: Supernet, phase: str, config: ShrinkingConfig) -> list[Architecture]:
    """The constant combinations of what `phase` has unlocked; of the phase "full" the largest network."""
    resolutions: Sequence[int] = config.resolutions
    unlocked = choices(supernet.design, phase, config.schedule)
    if config.extremes_only:
        resolutions, unlocked = sorted({resolutions[0], resolutions[-1]}), unlocked.extremes()
    if phase == "full":
        return [supernet.largest(resolution) for resolution in resolutions]
    return combinations(supernet.design, unlocked, resolutions=resolutions, width=supernet.width)


def evaluator(supernet: Supernet, images: ImageSplits, part: ImageSet, config: ShrinkingConfig) -> Evaluator:
    """What tests subnets of `supernet` on `part`."""
    return Evaluator(
        calibration=config.calibration(images),
        images=evaluation_batches(images, part, config.evaluation_batch_size),
        exit_weights=config.output_weights(supernet.design),
    )


def identity(supernet: Supernet, images: ImageSplits, config: ShrinkingConfig) -> dict[str, object]:
    """What tells one training of a supernet, and how it was tested, from another, for each row of a table."""
    training = config.training(supernet.design, images)
    if config.extremes_only:  # a mean of fewer networks is not that of all
        training["settings"] = f"{training['settings']} extremes"
    return {
        "supernet": supernet.design.label,
        "width": supernet.width,
        "passes": config.passes(supernet.design),
        **training,
    }


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
