"""The search: turns of predicting, evolving, evaluating and adapting (Algorithm 3.2, chapter 6)."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial, reduce
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd

from natv2.objectives.constraints import BOUNDS, UNCONSTRAINED, Constraints
from natv2.randomness import derived_seed, numpy_generator
from natv2.search.adaptation.subnets import Adaptable
from natv2.search.archive import Archive
from natv2.search.distributions.fitting import FITS, DistributionFit
from natv2.search.feasible.feasibility import check_constraints
from natv2.search.feasible.sampling import sample_feasible
from natv2.search.moo.decision_making import Hypervolume, non_dominated
from natv2.search.moo.evolution import CostsOf, evolve
from natv2.search.moo.subset_selection import select_subset
from natv2.search.predictors.interface import Encoding, Predictor, features
from natv2.search.predictors.metrics import predictor_quality
from natv2.search.predictors.selection import CrossValidation, most_trusted
from natv2.spaces.space import Codes, SearchSpace
from natv2.training.state_store import Progress, State

logger = logging.getLogger("natv2")

Growth = Literal["grow", "substitute"]
"""Whether candidates join the archive (NAT) or take the place of its worst (NATv2, section 6.1.3)."""

Sampling = Literal["codes", "architectures"]
"""What the first archive is drawn from: codes, mostly deep (NAT), or architectures (section 6.1.3)."""

Proposal = Literal["evolution", "random"]
"""Where a turn's candidates come from: evolution on the predictor, or nowhere, to compare with."""

SAMPLERS: Mapping[Sampling, Callable[[SearchSpace, int, np.random.Generator], Codes]] = MappingProxyType(
    {"codes": SearchSpace.sample_codes, "architectures": SearchSpace.sample_architectures}
)

PLATEAU = 0.002  # of the hypervolume: less than this, relative, is no progress


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """What determines a search beside its subnets (thesis, sections 6.2 and 6.2.5).

    Of several `predictors` each turn takes the one that its archive trusts most.
    `patience` turns without progress of the hypervolume end it; None for all `turns`.
    """

    objectives: tuple[str, ...]
    sampling: Sampling
    growth: Growth
    archive_size: int
    pre_processing: int
    turns: int
    patience: int | None
    candidates: int
    proposal: Proposal
    top: int
    population: int
    generations: int
    predictors: Mapping[str, Predictor]
    features: Encoding
    distributions: DistributionFit
    seed: int
    constraints: Constraints = UNCONSTRAINED


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """The archive at the start and behind each turn, the turns' figures, the measure of the hypervolume."""

    archives: tuple[Archive, ...]
    history: pd.DataFrame
    hypervolume: Hypervolume

    @property
    def archive(self) -> Archive:
        """The archive at the end."""
        return self.archives[-1]


class Search:
    """One search over `subnets`, which it adapts in place; `run` does all of it.

    Everything a turn has found is saved in `progress` before the subnets are adapted, and the
    whole turn at its end: a killed search goes on with the same archive and weights.
    """

    def __init__(
        self,
        space: SearchSpace,
        subnets: Adaptable,
        costs_of: CostsOf,
        config: SearchConfig,
        progress: Progress,
    ) -> None:
        self.space, self.subnets, self.costs_of = space, subnets, costs_of
        self.config, self.progress = config, progress

    def run(self) -> SearchResult:
        """Initialise the archive and take the turns.

        Raises UserError where no network can keep the constraints on costs.
        """
        constraints = self.config.constraints
        archives = [self._initial_archive()]
        hypervolume = Hypervolume.from_archive(archives[0].costs(self.config.objectives))
        history: list[dict[str, Any]] = []
        clock = _Clock(self.config.turns)
        for turn in range(1, self.config.turns + 1):
            archive, entry = self._turn(archives[-1], turn)
            feasible, closest = archive.feasible(constraints), archive.take(archive.closest(constraints))
            entry["hypervolume"] = hypervolume.value(feasible.costs(self.config.objectives))
            entry["best_accuracy"] = float(closest.values["accuracy"].max())
            archives.append(archive)
            history.append(entry)
            # A kill may come between saving and tracking: the last turn is tracked again.
            if self.progress.load(f"turn_{turn + 1}_found") is None:
                numbers = {name: value for name, value in entry.items() if isinstance(value, float)}
                self.progress.track(numbers, turn)
                logger.info("%s", clock.report(entry))
            if _is_plateau([entry["hypervolume"] for entry in history], self.config.patience):
                break
        _warn_unless_feasible(archives[-1], constraints)
        return SearchResult(archives=tuple(archives), history=pd.DataFrame(history), hypervolume=hypervolume)

    # ── before the first turn ────────────────────────────────────────────────────────────────

    def _initial_archive(self) -> Archive:
        """The best of a larger sample, with the largest and the smallest network (section 6.1.4).

        Where too few networks keep the constraints on costs, others fill it: they teach the predictor.
        """
        config = self.config
        extremes = np.stack(
            [self.space.encode(self.space.largest()), self.space.encode(self.space.smallest())]
        )
        wanted = config.archive_size * config.pre_processing
        generator = numpy_generator(config.seed, "initial archive")
        sampler = partial(SAMPLERS[config.sampling], self.space)
        anchor = check_constraints(self.space, self.costs_of, config.constraints)
        kept = sample_feasible(
            self.space, sampler, self.costs_of, config.constraints, wanted, generator, anchor=anchor
        )
        # Twice as many as are needed, because samples may repeat each other.
        codes = np.concatenate([extremes, kept, sampler(2 * config.archive_size, generator)])
        codes = codes[np.sort(np.unique(codes, axis=0, return_index=True)[1])]
        codes = codes[: max(config.archive_size, min(wanted, len(extremes) + len(kept)))]
        parts = []
        for start in range(0, len(codes), config.archive_size):
            part = codes[start : start + config.archive_size]
            state = self.progress.remembered(f"initial_{start}", partial(self._sampled, part))
            parts.append(self._archive(state))
        sampled = reduce(Archive.grow, parts)
        others = sampled.take(np.arange(2, len(sampled)))
        best = others.top(
            config.archive_size - 2,
            config.objectives,
            seed=self._seed("initial", 0),
            constraints=config.constraints,
        )
        return sampled.take(np.arange(2)).grow(best)

    def _sampled(self, codes: Codes) -> State:
        return _state(self._evaluated(codes, 0, "initial archive"))

    # ── a turn ───────────────────────────────────────────────────────────────────────────────

    def _turn(self, archive: Archive, turn: int) -> tuple[Archive, dict[str, Any]]:
        config = self.config
        found = self.progress.remembered(f"turn_{turn}_found", partial(self._find, archive, turn))
        archive = self._archive(found)
        best = archive.top(
            config.top, config.objectives, seed=self._seed("top", turn), constraints=config.constraints
        )
        distributions = FITS[config.distributions](self.space, best.codes)
        loss = self.subnets.adapt(distributions.sample, turn)
        done = self.progress.remembered(f"turn_{turn}", partial(self._reevaluate, archive, turn))
        entry = {"turn": turn, **found.values["quality"], **done.values["validation"]}
        return self._archive(done), entry | ({} if loss is None else {"loss": loss})

    def _find(self, archive: Archive, turn: int) -> State:
        """Steps 2 to 6: predict, evolve, choose, evaluate, judge the predictor, grow or substitute."""
        config = self.config
        if config.proposal == "random":
            return self._at_random(archive, turn)
        errors = 1 - archive.values["accuracy"].to_numpy()
        known, seed = features(self.space, archive.codes, config.features), self._seed("predictor", turn)
        name, trust = most_trusted(config.predictors, known, errors, seed=seed)
        predictor = config.predictors[name].fit(known, errors, seed=seed)
        candidates, predicted = evolve(
            space=self.space,
            predict_error=lambda codes: predictor.predict(features(self.space, codes, config.features)),
            costs_of=self.costs_of,
            objectives=config.objectives,
            archive=archive,
            population=config.population,
            generations=config.generations,
            seed=self._seed("evolution", turn),
            constraints=config.constraints,
        )
        quality = {"predictor": name, **trust.to_dict()}
        if not len(candidates):
            logger.warning("turn %d: no new network was found that keeps %s", turn, config.constraints)
            return _state(archive, quality=quality | predictor_quality([], []).to_dict())
        costs = archive.costs(config.objectives)[archive.closest(config.constraints)]
        chosen = select_subset(
            predicted,
            costs[non_dominated(costs)],
            config.objectives,
            count=config.candidates,
            seed=self._seed("subset", turn),
        )
        guess = predicted[chosen, config.objectives.index("accuracy")]
        new = self._evaluated(candidates[chosen], turn, f"turn {turn} candidates", guess)
        checked = predictor_quality(1 - new.values["accuracy"].to_numpy(), guess)
        return _state(self._with(archive, new, turn), quality=quality | checked.to_dict())

    def _at_random(self, archive: Archive, turn: int) -> State:
        """What `_find` gives, for as many random candidates and without a predictor."""
        config = self.config
        drawn = sample_feasible(
            self.space,
            partial(SAMPLERS[config.sampling], self.space),
            self.costs_of,
            config.constraints,
            2 * config.candidates,  # some may be in the archive
            numpy_generator(config.seed, "random candidates", turn),
            anchor=check_constraints(self.space, self.costs_of, config.constraints),
        )
        chosen = drawn[~archive.contains(drawn)][: config.candidates]
        new = self._evaluated(chosen, turn, f"turn {turn} candidates")
        trust = CrossValidation(kendall=np.nan, low=np.nan, high=np.nan)
        quality = {"predictor": "none", **trust.to_dict(), **predictor_quality([], []).to_dict()}
        return _state(self._with(archive, new, turn), quality=quality)

    def _with(self, archive: Archive, new: Archive, turn: int) -> Archive:
        if self.config.growth == "grow":
            return archive.grow(new)
        return archive.substitute(
            new,
            self.config.objectives,
            seed=self._seed("substitution", turn),
            constraints=self.config.constraints,
        )

    def _reevaluate(self, archive: Archive, turn: int) -> State:
        """Step 9, and the subnets' own validation (section 6.2.3)."""
        accuracy = self.subnets.accuracies(archive.codes, f"turn {turn} archive")
        validation = self.subnets.validate(f"turn {turn} supernets")
        return _state(archive.with_accuracy(accuracy), validation=validation)

    def _evaluated(self, codes: Codes, turn: int, name: str, predicted: Any = np.nan) -> Archive:
        accuracy = self.subnets.accuracies(codes, name)
        return Archive.evaluated(
            codes, accuracy=accuracy, costs=self.costs_of(codes), turn=turn, predicted_error=predicted
        )

    def _seed(self, purpose: str, turn: int) -> int:
        return derived_seed(self.config.seed, "search", purpose, turn)

    def _archive(self, state: State) -> Archive:
        return Archive.from_frame(pd.DataFrame(state.values["archive"]), self.space)


class _Clock:
    """Says how a search stands, and how long it will go on."""

    def __init__(self, turns: int) -> None:
        self.turns, self.taken, self.start = turns, 0, time.perf_counter()

    def report(self, entry: Mapping[str, Any]) -> str:
        """A line about the turn that `entry` tells of, the latest of those taken in this process."""
        self.taken += 1
        each = (time.perf_counter() - self.start) / self.taken
        left = timedelta(seconds=round(each * (self.turns - entry["turn"])))
        return (
            f"turn {entry['turn']} of {self.turns}: hypervolume {entry['hypervolume']:.4f}, best validation "
            f"top-1 {100 * entry['best_accuracy']:.1f} %, Kendall's tau of the predictor "
            f"{entry['kendall']:.2f}; about {left} left for the other turns"
        )


def _warn_unless_feasible(archive: Archive, constraints: Constraints) -> None:
    if not len(archive.feasible(constraints)):
        closest = archive.values.loc[archive.closest(constraints)[0]]
        reached = ", ".join(
            f"{BOUNDS[name].objective} {closest[BOUNDS[name].objective]:.6g}" for name in constraints.active
        )
        logger.warning("no network was found that keeps %s; the closest has %s", constraints, reached)


def _state(archive: Archive, **values: Any) -> State:
    return State(values={"archive": archive.to_frame().to_dict("list"), **values})


def _is_plateau(hypervolumes: list[float], patience: int | None) -> bool:
    """Whether the last `patience` turns together raised the best hypervolume by less than PLATEAU."""
    if patience is None or len(hypervolumes) <= patience:
        return False
    before = max(hypervolumes[:-patience])
    return max(hypervolumes[-patience:]) < (1 + PLATEAU) * before
