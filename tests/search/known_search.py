"""A search on subnets whose true front is known, against random sampling with equal evaluations."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from natv2.objectives.costs import CostsOf, space_costs
from natv2.objectives.goal import Goal
from natv2.objectives.objectives import cost_matrix
from natv2.randomness import numpy_generator
from natv2.search.adaptation.training import Sampler
from natv2.search.config import SearchConfig
from natv2.search.latency import NO_TABLE
from natv2.search.moo.indicators import Hypervolume
from natv2.search.moo.survival import non_dominated
from natv2.search.search import Search, SearchResult
from natv2.spaces.space import Codes, SearchSpace
from natv2.training.state_store import StateStore
from tests.configs import goal, parameters
from tests.search.known_front import THESIS, KnownAccuracy, true_front

NOISE = 0.008
"""Standard deviation of an evaluation, a fraction: 0.8 points of top-1."""

CLASSES = 100


@dataclass(frozen=True, kw_only=True)
class KnownSubnets:
    """Subnets whose evaluation is noisy, and whose adaptation changes that noise and nothing else."""

    known: KnownAccuracy
    seen: set[bytes] = field(default_factory=set)

    def accuracies(self, codes: Codes, name: str) -> NDArray[np.float64]:
        """Measured top-1 (N,): evaluations of another `name` have another noise."""
        self.seen.update(code.tobytes() for code in np.ascontiguousarray(codes))
        noise = numpy_generator(self.known.seed, "noise", name).normal(0, NOISE, len(codes))
        measured: NDArray[np.float64] = np.clip(self.known.accuracy(codes) + noise, 0, 1)
        return measured

    def adapt(self, sampler: Sampler, turn: int) -> float | None:
        """There is nothing to train."""
        return None

    def validate(self, name: str) -> dict[str, float]:
        """There are no figures of the whole."""
        return {}


@dataclass(frozen=True, kw_only=True)
class Contest:
    """True hypervolumes of what the search and random sampling take for their fronts.

    `evaluations` are those of different architectures, as many for both. `best` is the exact front's, None
    where it is not known: with other objectives than accuracy and MACs.
    """

    evaluations: int
    ours: float
    random: float
    best: float | None


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One search over `known`, which `config`, `goal` and the seed of `known` decide."""

    known: KnownAccuracy
    config: SearchConfig
    goal: Goal

    def contest(self, folder: Path) -> Contest:
        """Search, with its store in `folder`, and evaluate as many architectures drawn at random."""
        subnets = KnownSubnets(known=self.known)
        result = self.search(subnets, folder)
        archive, measure, count = result.archive, result.hypervolume, len(subnets.seen)
        draws = self.known.space.sample_architectures(2 * count, numpy_generator(self.known.seed, "random"))
        draws = draws[np.sort(np.unique(draws, axis=0, return_index=True)[1])][:count]
        exact = self.goal.objectives == ("accuracy", "macs")
        return Contest(
            evaluations=count,
            ours=self._quality(archive.codes, archive.values["accuracy"].to_numpy(), measure),
            random=self._quality(draws, subnets.accuracies(draws, "random"), measure),
            best=measure.value(true_front(self.known, CLASSES)) if exact else None,
        )

    def search(self, subnets: KnownSubnets, folder: Path) -> SearchResult:
        """The search on `subnets`."""
        space, seed, store = self.known.space, self.known.seed, StateStore(folder)
        return Search(space, subnets, self.costs_of, self.config, self.goal, seed, store).run()

    @cached_property
    def costs_of(self) -> CostsOf:
        """The real costs of codes: all but their latency."""
        return space_costs(self.known.space, CLASSES, NO_TABLE)

    def _quality(self, codes: Codes, measured: NDArray[np.float64], measure: Hypervolume) -> float:
        """True hypervolume of those of `codes` that nothing dominates by what was `measured`."""
        costs, objectives = self.costs_of(codes), self.goal.objectives
        true = cost_matrix(1 - self.known.accuracy(codes), costs, objectives)
        return measure.value(true[non_dominated(cost_matrix(1 - measured, costs, objectives))])


def trial(
    seed: int, objectives: tuple[str, ...], *, space: SearchSpace = THESIS, **others: int | str | None
) -> Trial:
    """The thesis's search over `space`, for accuracies that `seed` draws; `others` are other parameters."""
    thesis = {
        "sampling": "architectures",
        "growth": "substitute",
        "archive_size": 300,
        "pre_processing": 10,
        "turns": 30,
        "patience": None,
        "candidates": 25,
        "proposal": "evolution",
        "top": 150,
        "population": 100,
        "generations": 20,
        "predictor": "lightgbm",
        "features": "integer",
        "fitted_to": "archive",
        "folds": 10,
        "distributions": "categorical",
    }
    return Trial(
        known=KnownAccuracy(space=space, seed=seed),
        config=parameters(search=thesis | others).search,
        goal=goal("+".join(objectives)),
    )
