"""Architectures truly evaluated, and what their paths offer besides: one pass tells of all their exits."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from natv2.exits.variants import variants
from natv2.objectives.costs import CostsOf
from natv2.objectives.goal import Goal
from natv2.objectives.objectives import ACCURACY, MEANS, as_costs
from natv2.search.adaptation.subnets import Adaptable
from natv2.search.archive import Archive
from natv2.search.moo.survival import non_dominated
from natv2.spaces.exit_codes import DEEPEST, cut_after, exit_flags, with_exits
from natv2.spaces.space import Codes, SearchSpace
from natv2.training.exit_evaluation import WayScores


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """Evaluates architectures of `space`; `by_ways` asks what each set of a path's exits reaches.

    That also tells macro accuracy. Without it one exit of each is asked for its accuracy alone.
    """

    space: SearchSpace
    subnets: Adaptable
    costs_of: CostsOf
    goal: Goal
    by_ways: bool

    def archive(
        self, codes: Codes, turn: int, name: str, predicted: ArrayLike = np.nan
    ) -> tuple[Archive, Archive]:
        """The archive of `codes` (N, V), and of what else their paths offer at no cost.

        That is, of each path, what no other way to use its exits dominates; nothing where not `by_ways`.
        """
        tested, scores = self._tested(codes, name)
        costs = pd.concat([self.costs_of(codes), tested.drop(columns=ACCURACY)], axis=1)
        asked = Archive.evaluated(
            codes, accuracy=tested[ACCURACY], costs=costs, turn=turn, predicted_error=predicted
        )
        return asked, self._offers(asked, scores, turn)

    def again(self, archive: Archive, turn: int, name: str) -> tuple[Archive, Archive]:
        """`archive` as a test with the subnets as they are now tells of it, and what its paths offer now."""
        tested, scores = self._tested(archive.codes, name)
        renewed = archive.with_tested(tested)
        return renewed, self._offers(renewed, scores, turn)

    def _tested(self, codes: Codes, name: str) -> tuple[pd.DataFrame, list[WayScores]]:
        if not self.by_ways:
            return self._with_means(pd.DataFrame({ACCURACY: self.subnets.accuracies(codes, name)}), codes), []
        scores = self.subnets.way_scores(codes, name)
        rows = [self._number(code) for code in codes]
        picked = [tuple(part[row] for part in each) for each, row in zip(scores, rows, strict=True)]
        accuracy, macro, shares = zip(*picked, strict=True)
        return self._frame(codes, np.array(accuracy), np.array(macro), shares), scores

    def _frame(
        self,
        codes: Codes,
        accuracy: NDArray[np.float64],
        macro: NDArray[np.float64],
        shares: Sequence[NDArray[np.float64]],
    ) -> pd.DataFrame:
        """What a test tells of codes, given the shares of images that leave at each exit of their paths."""
        frame = pd.DataFrame({ACCURACY: accuracy})
        if "macro_accuracy" in self.goal.judged_by:
            frame["macro_accuracy"] = macro
        if self.space.ways is None:
            return self._with_means(frame, codes)
        every = np.zeros((len(codes), len(self.space.design.exits)))
        for row, own in zip(every, shares, strict=True):
            row[: len(own)] = own
        return pd.concat([frame, self.means(codes, every)], axis=1)

    def _with_means(self, frame: pd.DataFrame, codes: Codes) -> pd.DataFrame:
        """`frame` with the mean costs that networks of one exit are judged by: nobody leaves these early."""
        for name in self.goal.judged_by:
            if name in MEANS:
                frame[name] = self.costs_of(codes)[MEANS[name]].astype(float)
        return frame

    def means(self, codes: Codes, shares: NDArray[np.float64]) -> pd.DataFrame:
        """Costs of an image on average, where `shares` (N, E) of them leave at each exit of the design."""
        space = self.space
        whole, flags = self.costs_of(codes), exit_flags(codes, space.design, space.ways)
        names = [name for name in MEANS if MEANS[name] in whole]
        total = pd.DataFrame(0.0, index=whole.index, columns=names)
        for column, exit in enumerate(space.design.exits):
            leave = np.flatnonzero(flags[:, column] & (shares[:, column] > 0))
            if len(leave):
                cut = self.costs_of(space.canonical(cut_after(codes[leave], exit, space.design)))
                for name in names:
                    total.loc[leave, name] += shares[leave, column] * cut[MEANS[name]].to_numpy()
        return total

    def _number(self, code: Codes) -> int:
        """Which of the variants of its path a code is."""
        exits = self.space.decode(code).exits if self.space.ways is not None else (1,)
        weighting, leaving = self.space.way(code)
        return _numbers(exits[-1])[exits, weighting, leaving]

    def _offers(self, asked: Archive, scores: Sequence[WayScores], turn: int) -> Archive:
        """What no other way to use the exits of its path dominates, of all paths, beside what is `asked`.

        Of ways that are equal in all objectives the first alone, with the fewest exits; or that asked for.
        """
        if self.space.ways is None or not scores:
            return asked.take(np.arange(0))
        paths, first = np.unique(self.space.paths(asked.codes), axis=0, return_index=True)
        scores = [scores[index] for index in first]
        sizes = [len(each.accuracy) for each in scores]
        codes = np.repeat(paths, sizes, axis=0)
        exits = [int(code[DEEPEST]) + 1 for code in paths]
        codes[:, DEEPEST : self.space.first_level] = np.concatenate([_values(self.space, n) for n in exits])
        accuracy, macro = (np.concatenate(each) for each in list(zip(*scores, strict=True))[:2])
        shares = [row for each in scores for row in each.shares]
        values = pd.concat([self.costs_of(codes), self._frame(codes, accuracy, macro, shares)], axis=1)
        feasible = self.goal.constraints.feasible(values)
        costs = as_costs(values, self.goal.objectives)
        kept, start = list[NDArray[np.int64]](), 0
        for size in sizes:
            own = start + np.flatnonzero(feasible[start : start + size])
            own = own[np.sort(np.unique(costs[own], axis=0, return_index=True)[1])]
            kept.append(own[non_dominated(costs[own])] if len(own) else own)
            start += size
        best = np.concatenate(kept)
        chosen = values.iloc[best]
        offered = Archive.evaluated(
            codes[best], accuracy=chosen[ACCURACY], costs=chosen.drop(columns=ACCURACY), turn=turn
        )
        return offered.take(np.flatnonzero(~self._known(offered, asked))).without(asked)

    def _known(self, offered: Archive, asked: Archive) -> NDArray[np.bool_]:
        """Which of `offered` are another way to use a path of `asked`, equal to it in all objectives."""
        known = {each.tobytes() for each in self._paths_and_costs(asked)}
        return np.array([each.tobytes() in known for each in self._paths_and_costs(offered)], np.bool_)

    def _paths_and_costs(self, archive: Archive) -> NDArray[np.float64]:
        return np.concatenate([self.space.paths(archive.codes), archive.costs(self.goal.objectives)], axis=1)


@lru_cache(maxsize=8)
def _numbers(exits: int) -> dict[tuple[object, ...], int]:
    """The place of each of the variants of a path of so many exits."""
    return {tuple(variant): number for number, variant in enumerate(variants(exits))}


@lru_cache(maxsize=8)
def _values(space: SearchSpace, exits: int) -> Codes:
    """What codes of all variants of a path of so many exits have from the deepest exit to the first level."""
    assert space.ways is not None
    blank = np.zeros((1, space.variables), np.int64)
    rows = [
        with_exits(
            blank,
            variant.exits,
            space.ways.weightings.index(variant.weighting),
            1 + space.ways.leaving.index(variant.leaving) if variant.leaving else 0,
            space.design,
        )
        for variant in variants(exits)
    ]
    return np.concatenate(rows)[:, DEEPEST : space.first_level]
