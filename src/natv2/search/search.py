"""The search: turns of predicting, evolving, evaluating and adapting (Algorithm 3.2, chapter 6)."""

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial, reduce
from typing import Any

import numpy as np
import pandas as pd

from natv2.objectives.constraints import BOUNDS, Constraints
from natv2.objectives.costs import CostsOf
from natv2.objectives.goal import Goal
from natv2.objectives.metric import METRICS, Metric
from natv2.randomness import numpy_generator
from natv2.search.adaptation.subnets import Adaptable
from natv2.search.archive import Archive
from natv2.search.candidates import SAMPLERS, propose, search_seed
from natv2.search.config import SearchConfig
from natv2.search.distributions.fitting import FITS
from natv2.search.evaluated import Evaluation
from natv2.search.feasible.feasibility import check_constraints
from natv2.search.feasible.sampling import sample_feasible
from natv2.search.moo.indicators import Hypervolume
from natv2.search.predictors.metrics import predictor_metrics
from natv2.spaces.space import Codes, SearchSpace
from natv2.training.state_store import State, StateStore

logger = logging.getLogger("natv2")

PLATEAU = 0.002  # of the hypervolume: less than this, relative, is no progress


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """The archive at the start and after each turn, the turns' figures, the measure of the hypervolume."""

    archives: tuple[Archive, ...]
    history: pd.DataFrame
    hypervolume: Hypervolume

    @property
    def archive(self) -> Archive:
        """The archive at the end."""
        return self.archives[-1]


class Search:
    """One search over `subnets`, which it adapts in place; `run` does all of it.

    Their accuracies are by `metric`, which it only tells of.
    Everything a turn has found is saved in `store` before the subnets are adapted, and the
    whole turn at its end: a killed search resumes with the same archive and weights.
    """

    def __init__(
        self,
        space: SearchSpace,
        subnets: Adaptable,
        costs_of: CostsOf,
        config: SearchConfig,
        goal: Goal,
        seed: int,
        store: StateStore,
        metric: Metric = "top1",
    ) -> None:
        self.metric = metric
        self.space, self.subnets, self.costs_of = space, subnets, costs_of
        self.config, self.goal, self.seed, self.store = config, goal, seed, store
        by_ways = config.exits == "many" or "macro_accuracy" in goal.judged_by
        self.evaluation = Evaluation(
            space=space, subnets=subnets, costs_of=costs_of, goal=goal, by_ways=by_ways
        )

    def run(self) -> SearchResult:
        """Initialise the archive and take the turns.

        Raises UserError where no network can keep the constraints on costs.
        """
        objectives, constraints = self.goal.objectives, self.goal.constraints
        first, known = self._initial_archive()
        archives = [first]
        hypervolume = Hypervolume.from_archive(archives[0].costs(objectives))
        history: list[dict[str, Any]] = []
        clock = _Clock(self.config.turns, METRICS[self.metric].word)
        for turn in range(1, self.config.turns + 1):
            archive, known, entry = self._turn(archives[-1], known, turn)
            feasible, closest = archive.feasible(constraints), archive.take(archive.closest(constraints))
            entry["hypervolume"] = hypervolume.value(feasible.costs(objectives))
            entry["best_accuracy"] = float(closest.values["accuracy"].max())
            archives.append(archive)
            history.append(entry)
            self.store.remembered(f"turn_{turn}_told", partial(self._tell, entry, clock))
            if _is_plateau([entry["hypervolume"] for entry in history], self.config.patience):
                break
        _warn_unless_feasible(archives[-1], constraints)
        return SearchResult(archives=tuple(archives), history=pd.DataFrame(history), hypervolume=hypervolume)

    def _initial_archive(self) -> tuple[Archive, Archive]:
        """The best of a larger sample, with the largest and the smallest network (section 6.1.4); the sample.

        Where too few networks keep the constraints on costs, others fill it: they teach the predictor.
        """
        config, constraints = self.config, self.goal.constraints
        extremes = np.stack(
            [self.space.encode(self.space.largest()), self.space.encode(self.space.smallest())]
        )
        wanted = config.archive_size * config.pre_processing
        generator = numpy_generator(self.seed, "initial archive")
        sampler = partial(SAMPLERS[config.sampling], self.space)
        anchor = check_constraints(self.space, self.costs_of, constraints)
        kept = sample_feasible(
            self.space, sampler, self.costs_of, constraints, wanted, generator, anchor=anchor
        )
        # Twice as many as are needed, because samples may repeat each other.
        codes = np.concatenate([extremes, kept, sampler(2 * config.archive_size, generator)])
        codes = codes[np.sort(np.unique(codes, axis=0, return_index=True)[1])]
        codes = codes[: max(config.archive_size, min(wanted, len(extremes) + len(kept)))]
        parts, offers = [], []
        for start in range(0, len(codes), config.archive_size):
            part = codes[start : start + config.archive_size]
            state = self.store.remembered(f"initial_{start}", partial(self._sampled, part))
            parts.append(self._archive(state))
            offers.append(self._archive(state, "offered"))
        sampled = reduce(Archive.grow, parts)
        ends, others = sampled.take(np.arange(2)), sampled.take(np.arange(2, len(sampled)))
        # What comes at no cost has at most as many places as what was drawn: paths are to differ.
        offered = reduce(Archive.joined, offers).without(sampled)
        others = others.grow(self._top(offered, config.archive_size // 2, self._seed("offered", 0)))
        return ends.grow(self._top(others, config.archive_size - 2, self._seed("initial", 0))), sampled

    def _sampled(self, codes: Codes) -> State:
        asked, offered = self.evaluation.archive(codes, 0, "initial archive")
        best = self._top(offered, self.config.archive_size // 2, self._seed("offered", 0))
        return _state(asked, offered=_frame(best))

    def _turn(self, archive: Archive, known: Archive, turn: int) -> tuple[Archive, Archive, dict[str, Any]]:
        """The archive after a turn, all that is `known` after it, and the turn's figures."""
        known = known.renewed(archive)
        fitted = known if self.config.fitted_to == "all" else archive
        found = self.store.remembered(f"turn_{turn}_found", partial(self._find, archive, fitted, turn))
        archive = self._archive(found)
        # What the archive drops now was evaluated too.
        known = known.renewed(archive)
        best = self._top(archive, self.config.top, self._seed("top", turn))
        distributions = FITS[self.config.distributions](self.space, best.codes)
        loss = self.subnets.adapt(distributions.sample, turn)
        done = self.store.remembered(f"turn_{turn}", partial(self._reevaluate, archive, turn))
        entry = {"turn": turn, **found.values["metrics"], **done.values["validation"]}
        return self._archive(done), known, entry | ({} if loss is None else {"loss": loss})

    def _find(self, archive: Archive, known: Archive, turn: int) -> State:
        """Steps 2 to 6: predict, evolve, choose, evaluate, judge the predictor, grow or substitute."""
        goal, seed = self.goal, self.seed
        found = propose(archive, known, self.space, self.costs_of, self.config, goal, seed=seed, turn=turn)
        if not len(found.codes):
            logger.warning("turn %d: no new network was found that keeps %s", turn, self.goal.constraints)
            return _state(archive, metrics=found.metrics() | predictor_metrics([], []).to_dict())
        name = f"turn {turn} candidates"
        new, offered = self.evaluation.archive(found.codes, turn, name, found.predicted_error)
        offered = self._top(offered.without(archive), self.config.candidates, self._seed("offered", turn))
        checked = predictor_metrics(1 - new.values["accuracy"].to_numpy(), found.predicted_error)
        return _state(self._with(archive, new, offered, turn), metrics=found.metrics() | checked.to_dict())

    def _with(self, archive: Archive, new: Archive, offered: Archive, turn: int) -> Archive:
        """`archive` with `new` networks, and with the best of what their paths `offered` at no cost."""
        if self.config.growth == "grow":
            return archive.grow(new).grow(offered)
        return archive.grow(offered).substitute(
            new,
            self.goal.objectives,
            seed=self._seed("substitution", turn),
            constraints=self.goal.constraints,
            size=len(archive),
        )

    def _reevaluate(self, archive: Archive, turn: int) -> State:
        """Step 9, and the subnets' own validation (section 6.2.3)."""
        again, offered = self.evaluation.again(archive, turn, f"turn {turn} archive")
        offered = self._top(offered, self.config.candidates, self._seed("offered again", turn))
        validation = self.subnets.validate(f"turn {turn} supernets")
        nothing = again.take(np.arange(0))
        return _state(self._with(again, nothing, offered, turn), validation=validation)

    def _tell(self, entry: Mapping[str, Any], clock: "_Clock") -> State:
        """Track and log a turn; saved, so that a resumed search does it for the others alone."""
        numbers = {name: value for name, value in entry.items() if isinstance(value, float)}
        self.store.track(numbers, entry["turn"])
        logger.info("%s", clock.report(entry))
        return State()

    def _top(self, archive: Archive, count: int, seed: int) -> Archive:
        return archive.top(count, self.goal.objectives, seed=seed, constraints=self.goal.constraints)

    def _seed(self, purpose: str, turn: int) -> int:
        return search_seed(self.seed, purpose, turn)

    def _archive(self, state: State, name: str = "archive") -> Archive:
        return Archive.from_frame(pd.DataFrame(state.values[name]), self.space)


class _Clock:
    """Says how a search stands, and how long it will take; `word` is what it calls accuracy."""

    def __init__(self, turns: int, word: str) -> None:
        self.turns, self.word, self.taken, self.start = turns, word, 0, time.perf_counter()

    def report(self, entry: Mapping[str, Any]) -> str:
        """A line about the turn that `entry` tells of, the latest of those taken in this process."""
        self.taken += 1
        each = (time.perf_counter() - self.start) / self.taken
        left = timedelta(seconds=math.ceil(each * (self.turns - entry["turn"])))
        # One new network has no order, nor have equal ones.
        order = "" if math.isnan(tau := entry["kendall"]) else f", Kendall's tau of the predictor {tau:.2f}"
        others = f"; about {left} left for the other turns" if left else ""
        return (
            f"turn {entry['turn']} of {self.turns}: hypervolume {entry['hypervolume']:.4f}, best validation "
            f"{self.word} {100 * entry['best_accuracy']:.1f} %{order}{others}"
        )


def _warn_unless_feasible(archive: Archive, constraints: Constraints) -> None:
    if not len(archive.feasible(constraints)):
        closest = archive.values.loc[archive.closest(constraints)[0]]
        reached = ", ".join(
            f"{BOUNDS[name].objective} {closest[BOUNDS[name].objective]:.6g}" for name in constraints.active
        )
        logger.warning("no network was found that keeps %s; the closest has %s", constraints, reached)


def _state(archive: Archive, **values: Any) -> State:
    return State(values={"archive": _frame(archive), **values})


def _frame(archive: Archive) -> dict[str, list[Any]]:
    return {str(name): values for name, values in archive.to_frame().to_dict("list").items()}


def _is_plateau(hypervolumes: list[float], patience: int | None) -> bool:
    """Whether the last `patience` turns together raised the best hypervolume by less than PLATEAU."""
    if patience is None or len(hypervolumes) <= patience:
        return False
    before = max(hypervolumes[:-patience])
    return max(hypervolumes[-patience:]) < (1 + PLATEAU) * before
