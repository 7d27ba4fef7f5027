"""A stand-in for supernets whose exact front is known: dynamic programming finds it.

Its accuracy is a sum over the network's levels of what each adds and of what it makes of the one before,
put through a saturating curve. So the best networks of a few MACs more are not the best ones with a
larger level, a predictor has to learn pairs of variables, and yet the front is exact. Sizes of the parts
are such that LightGBM orders networks as well as it does on pictures (docs/results.md, The predictor study).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from natv2.costs.parts import MACS, head_cost, level_cost, stage_sizes, stem_cost
from natv2.objectives.objectives import Costs
from natv2.randomness import numpy_generator
from natv2.spaces.channels import channel_plan
from natv2.spaces.design import DESIGNS, INVERTED_BOTTLENECK, STAGES
from natv2.spaces.space import Codes, SearchSpace

Points = NDArray[np.int64]
"""Hundredths of a point of accuracy before the curve: whole numbers, so that few sums are possible."""

_SIZES = {"resolutions": (48, 52, 56, 60, 64), "widths": (1.0, 1.2)}

THESIS = SearchSpace(design=DESIGNS["EE_D_OFAMobileNetV3"], **_SIZES)
"""The 23 variables of the thesis's smallest early-exit space."""

SPACES = {
    "EE_D_OFAMobileNetV3": THESIS,
    "OFAMobileNetV3": SearchSpace(design=DESIGNS["OFAMobileNetV3"], **_SIZES),
}
"""The spaces that are searched, with and without early exits."""

_BEST, _CURVE = 0.90, 1500
# What a stage's first level adds, its second, ...: less and less; and the share of it in each stage.
_FADING = (240, 200, 160, 120)
_SHARES = (1.0, 0.6, 0.4, 0.3, 0.3)
# An early exit makes nearly as much of few stages as the last one of all: so do well-trained supernets'.
_HEADS = (990, 620, 370, 190, 0)
_RESOLUTION, _WIDTH = 200, 100
_OWN, _PAIR = 55, 37


@dataclass(frozen=True, kw_only=True)
class KnownAccuracy:
    """Accuracies of all networks of `space`, a design without parallel levels; `seed` draws them."""

    space: SearchSpace
    seed: int

    def __post_init__(self) -> None:
        if self.space.design.masks != (INVERTED_BOTTLENECK,):
            raise ValueError(f"{self.space.design.name}: only spaces without parallel levels are known")

    @cached_property
    def alone(self) -> Points:
        """What each choice of a level adds: (levels, pairs of kernel and expand ratio)."""
        design = self.space.design
        kernels, ratios = np.asarray(design.kernels), np.asarray(design.expand_ratios)
        # Concave in both: 7x7 is better than 5x5 by less than 5x5 than 3x3.
        use = 0.25 * np.log(ratios / 3)[:, None] + 0.12 * np.log(kernels / 3)
        fading = np.outer(_SHARES, _FADING[: design.levels_per_stage]).ravel()
        own = numpy_generator(self.seed, "levels").normal(0, _OWN, (design.levels, self.space.pairs))
        return np.rint(fading[:, None] * (1 + use.ravel()) + own * self._lots).astype(np.int64)

    @cached_property
    def added(self) -> Points:
        """What a level adds behind the choice of the level before: (levels, pairs before, pairs)."""
        pairs = self.space.pairs
        pair = numpy_generator(self.seed, "pairs").normal(0, _PAIR, (self.space.design.levels, pairs, pairs))
        pair[0] = 0
        drawn = np.rint(pair * self._lots[:, None]).astype(np.int64)
        return np.maximum(self.alone[:, None, :] + drawn, 0)

    @property
    def _lots(self) -> NDArray[np.float64]:
        """How large what is drawn for each level is (levels, 1): less in late stages."""
        return np.sqrt(np.repeat(_SHARES, self.space.design.levels_per_stage))[:, None]

    @cached_property
    def frame(self) -> Points:
        """What resolution, width and exit add: (resolutions, widths, exits)."""
        pixels = np.log(np.asarray(self.space.resolutions) / self.space.resolutions[0])
        width = np.log(np.asarray(self.space.widths) / self.space.widths[0])
        both = _RESOLUTION * pixels[:, None] / np.log(4 / 3) + _WIDTH * width / np.log(1.2)
        heads = np.asarray(_HEADS)[np.asarray(self.space.design.exits) - 1]
        return np.rint(both[:, :, None] + heads).astype(np.int64)

    def points(self, codes: Codes) -> Points:
        """Points (N,) of canonical `codes` (N, V)."""
        space, design = self.space, self.space.design
        exits = codes[:, 2] if design.early_exits else np.zeros(len(codes), np.int64)
        total = self.frame[codes[:, 0], codes[:, 1], exits]
        stages = np.asarray(design.exits)[exits]
        before = np.zeros(len(codes), np.int64)
        for level in range(design.levels):
            choice = codes[:, space.first_level + level] - 1
            active = (choice >= 0) & (level // design.levels_per_stage < stages)
            total = total + np.where(active, self.added[level, before, choice], 0)
            before = np.where(active, choice, before)
        return total

    def accuracy(self, codes: Codes) -> NDArray[np.float64]:
        """True top-1 (N,), fractions, of canonical `codes` (N, V)."""
        return curve(self.points(codes))


def curve(points: Points) -> NDArray[np.float64]:
    """Top-1 of sums of points: ever less for a point more."""
    top1: NDArray[np.float64] = _BEST * (1 - np.exp(-points / _CURVE))
    return top1


def true_front(known: KnownAccuracy, classes: int) -> Costs:
    """Error and MACs (N, 2) of all that no network of the space dominates.

    For each resolution and width, level by level: the least MACs of each sum of points and choice of the
    last level. Sums are whole numbers, so nothing is rounded.
    """
    design = known.space.design
    most = int(known.frame.max() + known.added.max(axis=(1, 2)).sum())
    least = np.full(most + 1, np.inf)
    for r, w in np.ndindex(known.frame.shape[:2]):
        resolution, plan = known.space.resolutions[r], channel_plan(design, known.space.widths[w])
        sizes, stem = stage_sizes(resolution), stem_cost(plan, resolution)[MACS]
        for exit, table in _stages(known, r, w, most):
            if exit in design.exits:
                head = head_cost(plan, exit, sizes[exit], classes)[MACS]
                macs = table.min(axis=0) + stem + head
                shift = known.frame[r, w, design.exits.index(exit)]
                np.minimum(least[shift:], macs[: most + 1 - shift], out=least[shift:])
    # From the most points down: what costs less than everything better is not dominated.
    better = np.minimum.accumulate(least[::-1])[::-1]
    front = np.flatnonzero(least < np.append(better[1:], np.inf))
    return np.stack([1 - curve(front), least[front]], axis=1)


def _stages(known: KnownAccuracy, r: int, w: int, most: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Each stage, from 1, with the least MACs behind it by the last level's choice and points: (pairs, S)."""
    design = known.space.design
    before = np.full((known.space.pairs, most + 1), np.inf)
    before[0, 0] = 0
    for stage in range(len(STAGES)):
        left = np.full_like(before, np.inf)
        for position in range(design.levels_per_stage):
            before = _behind(known, before, r, w, stage, position)
            if position + 1 in design.depths:
                left = np.minimum(left, before)
        before = left
        yield stage + 1, left


def _behind(
    known: KnownAccuracy, before: NDArray[np.float64], r: int, w: int, stage: int, position: int
) -> NDArray[np.float64]:
    """The table behind one level more."""
    space, design = known.space, known.space.design
    plan = channel_plan(design, space.widths[w]).level(stage, position)
    sizes = stage_sizes(space.resolutions[r])
    size = sizes[stage] if position == 0 else sizes[stage + 1]
    here = product(design.expand_ratios, design.kernels)
    macs = [level_cost(plan, size, INVERTED_BOTTLENECK, k, e)[MACS] for e, k in here]
    added = known.added[stage * design.levels_per_stage + position]
    behind = np.full_like(before, np.inf)
    for last, choice in np.ndindex(added.shape):
        shift = added[last, choice]
        moved = before[last, : before.shape[1] - shift] + macs[choice]
        np.minimum(behind[choice, shift:], moved, out=behind[choice, shift:])
    return behind
