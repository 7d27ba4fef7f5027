"""What a turn of the search proposes to evaluate: steps 2 to 4 of section 3.3.4."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from natv2.objectives.costs import CostsOf
from natv2.objectives.goal import Goal
from natv2.objectives.objectives import ACCURACY
from natv2.randomness import derived_seed, numpy_generator
from natv2.search.archive import Archive
from natv2.search.config import Sampling, SearchConfig
from natv2.search.expected import expected_costs
from natv2.search.feasible.feasibility import check_constraints
from natv2.search.feasible.sampling import sample_feasible
from natv2.search.moo.evolution import evolve
from natv2.search.moo.subset_selection import select_subset
from natv2.search.moo.survival import non_dominated
from natv2.search.predictors.interface import features
from natv2.search.predictors.selection import CrossValidation, choices, select_predictor
from natv2.spaces.space import Codes, SearchSpace

logger = logging.getLogger("natv2")

SAMPLERS: Mapping[Sampling, Callable[[SearchSpace, int, np.random.Generator], Codes]] = MappingProxyType(
    {"codes": SearchSpace.sample_codes, "architectures": SearchSpace.sample_architectures}
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidates:
    """Codes (C, V) with their predicted top-1 errors (C,), nan where nothing was predicted.

    `predictor` is the one that guided the choice, `validation` how well it orders the archive.
    """

    codes: Codes
    predicted_error: NDArray[np.float64]
    predictor: str
    validation: CrossValidation

    def metrics(self) -> dict[str, str | float]:
        """What the turn's figures say of the predictor."""
        return {"predictor": self.predictor, **self.validation.to_dict()}


def search_seed(seed: int, purpose: str, turn: int) -> int:
    """The seed of one purpose in a turn of a search."""
    return derived_seed(seed, "search", purpose, turn)


def propose(
    archive: Archive,
    known: Archive,
    space: SearchSpace,
    costs_of: CostsOf,
    config: SearchConfig,
    goal: Goal,
    *,
    seed: int,
    turn: int,
) -> Candidates:
    """At most `config.candidates` architectures that are not in `known`: none where none was found.

    A predictor is fitted to all of `known`, which `archive` is a part of. They are random ones where it tells
    none of these from another.
    """
    if config.proposal == "random":
        return _at_random(known, space, costs_of, config, goal, seed, turn)
    errors = 1 - known.values[ACCURACY].to_numpy()
    seen = features(space, known.codes, config.features)
    fit_seed = search_seed(seed, "predictor", turn)
    ways = choices(config.predictor, config.folds)
    name, predictor, validation = select_predictor(ways, seen, errors, seed=fit_seed)
    if np.ptp(errors) > 0 and np.ptp(predictor.predict(seen)) == 0:
        logger.warning(
            "turn %d: the predictor %s says the same of all %d networks it was fitted to, so candidates are "
            "drawn at random; a larger search.archive_size may help",
            turn,
            name,
            len(known),
        )
        return _at_random(known, space, costs_of, config, goal, seed, turn)
    candidates, predicted = evolve(
        space=space,
        predict_error=lambda codes: predictor.predict(features(space, codes, config.features)),
        costs_of=expected_costs(known, space, costs_of, goal, config.features, ways[name], fit_seed),
        objectives=goal.objectives,
        archive=archive,
        known=known,
        islands=config.proposal == "islands",
        population=config.population,
        generations=config.generations,
        seed=search_seed(seed, "evolution", turn),
        constraints=goal.constraints,
    )
    chosen = np.arange(0)
    if len(candidates):
        costs = archive.costs(goal.objectives)[archive.closest(goal.constraints)]
        chosen = select_subset(
            predicted,
            costs[non_dominated(costs)],
            goal.objectives,
            count=config.candidates,
            seed=search_seed(seed, "subset", turn),
        )
    return Candidates(
        codes=candidates[chosen],
        predicted_error=predicted[chosen, goal.objectives.index(ACCURACY)],
        predictor=name,
        validation=validation,
    )


def _at_random(
    known: Archive,
    space: SearchSpace,
    costs_of: CostsOf,
    config: SearchConfig,
    goal: Goal,
    seed: int,
    turn: int,
) -> Candidates:
    """As many random candidates, without a predictor."""
    drawn = sample_feasible(
        space,
        partial(SAMPLERS[config.sampling], space),
        costs_of,
        goal.constraints,
        2 * config.candidates,  # some may be known
        numpy_generator(seed, "random candidates", turn),
        anchor=check_constraints(space, costs_of, goal.constraints),
    )
    codes = drawn[~known.contains(drawn)][: config.candidates]
    unknown = CrossValidation(kendall=np.nan, low=np.nan, high=np.nan)
    predicted = np.full(len(codes), np.nan)
    return Candidates(codes=codes, predicted_error=predicted, predictor="none", validation=unknown)
