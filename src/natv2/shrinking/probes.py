"""The health of a supernet: a fixed set of subnets followed through all phases."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from natv2.images.image_set import ImageSplits
from natv2.randomness import numpy_generator
from natv2.shrinking.accuracy import evaluator, identity
from natv2.shrinking.config import ShrinkingConfig
from natv2.shrinking.phases import sample
from natv2.spaces.architecture import Architecture
from natv2.spaces.choices import Choices
from natv2.supernets.supernet import Supernet


def probe_subnets(supernet: Supernet, config: ShrinkingConfig) -> list[Architecture]:
    """Random subnets of the whole space, the same in all phases of all supernets of a design and seed."""
    generator = numpy_generator(config.seed, "probes")
    unlocked = Choices.everything(supernet.design)
    return [
        sample(
            supernet.design,
            unlocked,
            1,
            resolution=int(size),
            width=supernet.width,
            generator=generator,
        )[0]
        for size in generator.choice(config.resolutions, size=config.probes)
    ]


def probe(
    supernet: Supernet, phase: str, *, images: ImageSplits, config: ShrinkingConfig, name: str
) -> pd.DataFrame:
    """Validation top-1 of the probe subnets, one a row, behind `phase`.

    Column `accuracy` is theirs with their own batch-norm statistics, `uncalibrated` with the first channels
    of the largest network's, which is what a supernet's shared statistics would be.
    """
    networks = probe_subnets(supernet, config)
    tests, family = evaluator(supernet, images, images.valid, config), {supernet.width: supernet}
    return pd.DataFrame(
        {
            **identity(supernet, images, config),
            "phase": phase,
            "probe": range(len(networks)),
            "resolution": [a.resolution for a in networks],
            "exit": [a.exits[0] for a in networks],
            "accuracy": tests.accuracies(family, networks, f"{name} probes"),
            "uncalibrated": tests.uncalibrated(family, networks, f"{name} probes, uncalibrated"),
        }
    )


def health(
    accuracies: Sequence[float], uncalibrated: Sequence[float], before: Sequence[float]
) -> dict[str, float]:
    """Figures of a phase to watch; `before` are the probes' accuracies behind the phase before, if any."""
    found = {
        "probe_mean": float(np.mean(accuracies)),
        "probe_worst": float(np.min(accuracies)),
        "probe_best": float(np.max(accuracies)),
        "recalibration_gain": float(np.mean(accuracies) - np.mean(uncalibrated)),
    }
    return found | ({"rank_stability": rank_stability(before, accuracies)} if len(before) else {})


def rank_stability(before: Sequence[float], after: Sequence[float]) -> float:
    """Kendall's rank correlation of the probes' accuracies behind two phases; 0 where one has no order."""
    correlation = pd.Series(before).corr(pd.Series(after), method="kendall", min_periods=2)
    return 0.0 if np.isnan(correlation) else float(correlation)
