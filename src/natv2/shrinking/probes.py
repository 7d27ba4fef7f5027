"""The health of a supernet: a fixed set of subnets followed through all phases."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from natv2.images.image_set import ImageSplits
from natv2.randomness import numpy_generator
from natv2.run import Run
from natv2.shrinking.accuracy import evaluator
from natv2.shrinking.config import Training
from natv2.shrinking.identity import row_identity
from natv2.shrinking.phases import sample
from natv2.spaces.architecture import Architecture
from natv2.spaces.choices import Choices
from natv2.supernets.supernet import Supernet


def probe_subnets(supernet: Supernet, training: Training, run: Run) -> list[Architecture]:
    """Random subnets of the whole space, the same in all phases of all supernets of a design and seed."""
    generator = numpy_generator(run.seed, "probes")
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
        for size in generator.choice(training.resolutions, size=training.eps.probes)
    ]


def probe(
    supernet: Supernet, phase: str, *, images: ImageSplits, training: Training, run: Run, name: str
) -> pd.DataFrame:
    """Validation top-1 of the probe subnets, one a row, after `phase`.

    Column `accuracy` is theirs with their own batch-norm statistics, `uncalibrated` with the first channels
    of the largest network's, which is what a supernet's shared statistics would be.
    """
    networks = probe_subnets(supernet, training, run)
    tests, family = evaluator(images, images.valid, training, run), {supernet.width: supernet}
    return pd.DataFrame(
        {
            **row_identity(supernet, training, run, images),
            "phase": phase,
            "probe": range(len(networks)),
            "resolution": [a.resolution for a in networks],
            "exit": [a.exits[0] for a in networks],
            "accuracy": tests.accuracies(family, networks, f"{name} probes"),
            "uncalibrated": tests.uncalibrated(family, networks, f"{name} gain by recalibration"),
        }
    )


def health(
    accuracies: Sequence[float], uncalibrated: Sequence[float], before: Sequence[float]
) -> dict[str, float]:
    """Figures of a phase to watch; `before` are the probes' accuracies after the phase before, if any."""
    found = {
        "probe_mean": float(np.mean(accuracies)),
        "probe_worst": float(np.min(accuracies)),
        "probe_best": float(np.max(accuracies)),
        "recalibration_gain": recalibration_gain(accuracies, uncalibrated),
    }
    return found | ({"rank_stability": rank_stability(before, accuracies)} if len(before) else {})


def recalibration_gain(accuracies: Sequence[float], uncalibrated: Sequence[float]) -> float:
    """What the probes gain on average by batch-norm statistics of their own."""
    return float(np.mean(accuracies) - np.mean(uncalibrated))


def rank_stability(before: Sequence[float], after: Sequence[float]) -> float:
    """Kendall's rank correlation of the probes' accuracies after two phases; 0 where one has no order."""
    correlation = pd.Series(before).corr(pd.Series(after), method="kendall", min_periods=2)
    return 0.0 if np.isnan(correlation) else float(correlation)
