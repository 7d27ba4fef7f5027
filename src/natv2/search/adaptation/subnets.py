"""What a search asks of the subnets it searches, and the supernets that answer."""

from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from natv2.images.batches import evaluation_batches
from natv2.objectives.metric import Metric
from natv2.search.adaptation.keeping import SupernetKeeper
from natv2.search.adaptation.training import Sampler, TargetSupernets, adapt
from natv2.spaces.architecture import Architecture
from natv2.spaces.choices import Choices, combinations
from natv2.spaces.space import Codes, SearchSpace
from natv2.training.evaluation import Evaluator
from natv2.training.exit_evaluation import WayScores, way_scores
from natv2.training.state_store import StateStore


class Adaptable(Protocol):
    """Subnets that can be evaluated truly, and adapted all at once."""

    def accuracies(self, codes: Codes, name: str) -> NDArray[np.float64]:
        """Validation accuracy (N,), fractions, of `codes` (N, V); `name` stands at the progress bar."""

    def way_scores(self, codes: Codes, name: str) -> list[WayScores]:
        """What each way to use the exits of the path of each of `codes` (N, V) reaches."""

    def adapt(self, sampler: Sampler, turn: int) -> float | None:
        """Train what `sampler` draws for the epochs of `turn`; the last one's loss, None without epochs."""

    def validate(self, name: str) -> dict[str, float]:
        """Figures of the supernets as a whole, by name."""


class AdaptableFamily:
    """Two supernets, adapted in place (sections 3.3.4 and 6.2.3); `keeper` keeps them after each turn.

    Accuracies are by `metric`.
    """

    def __init__(
        self,
        supernets: TargetSupernets,
        store: StateStore,
        keeper: SupernetKeeper | None = None,
        metric: Metric = "top1",
    ) -> None:
        self._supernets, self._store, self._keeper = supernets, store.child("adaptation"), keeper
        images, config = supernets.images, supernets.config
        self._evaluator = Evaluator(
            calibration=supernets.calibration(),
            images=evaluation_batches(images, images.valid, config.evaluation_batch_size),
            exit_weights=supernets.exit_weights.output,
            metric=metric,
        )
        # Before any adaptation is restored: the teacher is the supernet as it came.
        self._teacher = supernets.teacher()

    def accuracies(self, codes: Codes, name: str) -> NDArray[np.float64]:
        """Validation accuracy (N,) with the weights as they are, each recalibrated."""
        architectures = [self._supernets.space.decode(code) for code in codes]
        return self._evaluator.accuracies(self._supernets.family, architectures, name)

    def way_scores(self, codes: Codes, name: str) -> list[WayScores]:
        """What each way to use the exits reaches, with the weights as they are, each path recalibrated."""
        space = self._supernets.space
        return way_scores(self._evaluator, self._supernets.family, offered_paths(space, codes), name)

    def adapt(self, sampler: Sampler, turn: int) -> float | None:
        """Train up to the end of `turn` of the one schedule over all turns."""
        config = self._supernets.config
        until = turn * config.adaptation.epochs
        history = adapt(
            self._supernets,
            sampler,
            config.adaptation.over(config.turns),
            teacher=self._teacher,
            store=self._store,
            until=until,
        )
        if self._keeper is not None:
            self._keeper.keep(turn)
        # Supernets that had been adapted further give the losses of later turns too.
        return history[:until][-1]["loss"] if until else None

    def validate(self, name: str) -> dict[str, float]:
        """Mean and best accuracy over the supernets' extreme combinations (section 6.2.3)."""
        grid = extreme_networks(self._supernets.space)
        validated = self._evaluator.accuracies(self._supernets.family, grid, name)
        return {"supernet_mean": float(validated.mean()), "supernet_best": float(validated.max())}


def offered_paths(space: SearchSpace, codes: Codes) -> list[Architecture]:
    """The paths of `codes` (N, V) with all exits that may be used: in a space of one exit, that one."""
    paths = [space.decode(code) for code in codes]
    if space.ways is None:
        return paths
    return [replace(path, exits=space.design.exits[: path.deepest_exit]) for path in paths]


def extreme_networks(space: SearchSpace) -> list[Architecture]:
    """Constant combinations of the least and greatest values of everything elastic (section 6.2.3)."""
    unlocked = Choices.everything(space.design).extremes()
    sizes = sorted({space.resolutions[0], space.resolutions[-1]})
    return [
        architecture
        for width in space.widths
        for architecture in combinations(space.design, unlocked, resolutions=sizes, width=width)
    ]
