"""What a turn of a search takes beside training and evaluation."""

import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from natv2.bar import quiet
from natv2.exits.variants import variants
from natv2.objectives.constraints import UNCONSTRAINED
from natv2.objectives.costs import CostsOf
from natv2.objectives.goal import Goal
from natv2.randomness import numpy_generator
from natv2.search.adaptation.subnets import offered_paths
from natv2.search.adaptation.training import Sampler, TargetSupernets
from natv2.search.config import SearchConfig
from natv2.search.search import Search
from natv2.spaces.space import Codes, SearchSpace
from natv2.training.exit_evaluation import WayScores
from natv2.training.state_store import State, StateStore


class _Unadapted:
    """Subnets of which nothing is known but that they differ: a turn over them is the search's own time."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space

    def accuracies(self, codes: Codes, name: str) -> NDArray[np.float64]:
        return numpy_generator(len(codes), name).random(len(codes))

    def way_scores(self, codes: Codes, name: str) -> list[WayScores]:
        generator, found = numpy_generator(len(codes), name), []
        for path in offered_paths(self._space, codes):
            count, exits = len(variants(len(path.exits))), len(path.exits)
            shares = generator.dirichlet(np.ones(exits), count)
            found.append(WayScores(generator.random(count), generator.random(count), shares))
        return found

    def adapt(self, sampler: Sampler, turn: int) -> None:
        sampler(1, np.random.default_rng(turn))

    def validate(self, name: str) -> dict[str, float]:
        return {}


class _Unheard(Search):
    """A search that is timed, and says nothing of what it finds."""

    def _tell(self, entry: Mapping[str, Any], clock: object) -> State:
        return State()


def turn_seconds(
    supernets: TargetSupernets, costs_of: CostsOf, goal: Goal, seconds: float
) -> tuple[float, str]:
    """Seconds of what a turn does beside training and evaluation, and what was timed of it.

    A smaller turn tells where there is no time for a whole one. Without constraints: their costs are looked
    up as quickly, and no network of a plan need keep them.
    """
    goal = goal.model_copy(update={"constraints": UNCONSTRAINED})
    # A predictor that is fitted to all has the first sample to learn, too: most of what there is.
    samples = supernets.config.pre_processing if supernets.config.fitted_to == "all" else 1
    whole = supernets.config.model_copy(update={"turns": 1, "pre_processing": samples})
    small = whole.model_copy(
        update={
            "archive_size": max(whole.candidates + 2, whole.archive_size // 4),
            "top": min(whole.top, max(whole.candidates + 2, whole.archive_size // 4)),
            "folds": max(2, whole.folds // 4),
            "generations": max(2, whole.generations // 4),
        }
    )

    def timed(config: SearchConfig) -> float:
        with TemporaryDirectory() as folder, quiet():
            start, store = time.perf_counter(), StateStore(Path(folder))
            space, seed = supernets.space, supernets.run.seed
            _Unheard(space, _Unadapted(space), costs_of, config, goal, seed, store).run()
            return time.perf_counter() - start

    taken = timed(small)
    expected = taken * _work(whole) / _work(small)
    if taken + expected > seconds:
        return expected, "a smaller turn"
    return timed(whole), "all"


def _work(config: SearchConfig) -> int:
    """What a turn's time grows with: what the predictor is fitted to, and what it predicts."""
    rows = config.archive_size * config.pre_processing
    return config.folds * rows + config.generations * config.population
