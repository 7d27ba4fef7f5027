"""What a search asks of the subnets it searches, and the supernets that answer."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from natv2.images.batches import evaluation_batches
from natv2.images.image_set import ImageSplits
from natv2.search.adaptation.training import AdaptationConfig, Sampler, adapt, widest_teacher
from natv2.spaces.architecture import Architecture
from natv2.spaces.choices import Choices, combinations
from natv2.spaces.space import Codes, SearchSpace
from natv2.training.evaluation import Evaluator, Family
from natv2.training.state_store import Progress


class Adaptable(Protocol):
    """Subnets that can be evaluated truly, and adapted all at once."""

    def accuracies(self, codes: Codes, name: str) -> NDArray[np.float64]:
        """Validation top-1 (N,), fractions, of `codes` (N, V); `name` stands at the progress bar."""

    def adapt(self, sampler: Sampler, turn: int) -> float | None:
        """Train what `sampler` draws for the epochs of `turn`; the last one's loss, None without epochs."""

    def validate(self, name: str) -> dict[str, float]:
        """Figures of the supernets as a whole, by name."""


class AdaptableFamily:
    """Two supernets, adapted in place (sections 3.3.4 and 6.2.3); `epochs` are those of each turn."""

    def __init__(
        self,
        family: Family,
        space: SearchSpace,
        images: ImageSplits,
        config: AdaptationConfig,
        *,
        epochs: int,
        evaluation_batch_size: int,
        progress: Progress,
    ) -> None:
        self._family, self._space, self._images, self._config = family, space, images, config
        self._epochs, self._progress = epochs, progress.child("adaptation")
        self._evaluator = Evaluator(
            calibration=config.calibration(images),
            images=evaluation_batches(images, images.valid, evaluation_batch_size),
            exit_weights=config.output_weights(next(iter(family.values()))),
        )
        # Before any adaptation is restored: the teacher is the supernet as it came.
        self._teacher = widest_teacher(family, space, images, config) if config.kd_ratio > 0 else None

    def accuracies(self, codes: Codes, name: str) -> NDArray[np.float64]:
        """Validation top-1 (N,) with the weights as they are, each recalibrated."""
        architectures = [self._space.decode(code) for code in codes]
        return self._evaluator.accuracies(self._family, architectures, name)

    def adapt(self, sampler: Sampler, turn: int) -> float | None:
        """Train up to the end of `turn` of the one schedule over all turns (facts, section 5)."""
        until = turn * self._epochs
        history = adapt(
            self._family,
            self._space,
            sampler,
            teacher=self._teacher,
            images=self._images,
            config=self._config,
            progress=self._progress,
            until=until,
        )
        # Supernets that had been adapted further give the losses of later turns too.
        return history[:until][-1]["loss"] if until else None

    def validate(self, name: str) -> dict[str, float]:
        """Mean and best top-1 over the supernets' extreme combinations (section 6.2.3)."""
        grid = extreme_networks(self._space)
        validated = self._evaluator.accuracies(self._family, grid, name)
        return {"supernet_mean": float(validated.mean()), "supernet_best": float(validated.max())}


def extreme_networks(space: SearchSpace) -> list[Architecture]:
    """Constant combinations of the least and greatest values of everything elastic (section 6.2.3)."""
    unlocked = Choices.everything(space.design).extremes()
    sizes = sorted({space.resolutions[0], space.resolutions[-1]})
    return [
        architecture
        for width in space.widths
        for architecture in combinations(space.design, unlocked, resolutions=sizes, width=width)
    ]
