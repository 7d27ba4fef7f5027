"""Exact parameters and MACs of every network of a search space, from one table."""

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from natv2.costs.parts import Cost, head_cost, level_cost, stage_sizes, stem_cost
from natv2.spaces.channels import channel_plan
from natv2.spaces.exit_codes import DEEPEST, exit_flags
from natv2.spaces.space import Codes, SearchSpace

Number = TypeVar("Number", np.int64, np.float64)


@dataclass(frozen=True, kw_only=True)
class CostTable:
    """Costs of everything a code can name, so that a code's cost is a sum of look-ups."""

    space: SearchSpace
    classes: int

    @cached_property
    def _tables(self) -> tuple[Cost, Cost, Cost]:
        """Costs by resolution and width: levels' (R, W, L, codes, 2), others' by exit (R, W, exits, 2).

        Those are of stem and head together, and of a head alone.
        """
        space, design = self.space, self.space.design
        choices = list(product(design.masks, design.expand_ratios, design.kernels))
        grid = (len(space.resolutions), len(space.widths))
        levels = np.zeros((*grid, design.levels, 1 + len(choices), 2), np.int64)
        heads = np.zeros((*grid, len(design.exits), 2), np.int64)
        rest = np.zeros_like(heads)
        for (r, resolution), (w, width) in product(enumerate(space.resolutions), enumerate(space.widths)):
            plan, sizes = channel_plan(design, width), stage_sizes(resolution)
            for level in range(design.levels):
                stage, position = divmod(level, design.levels_per_stage)
                size = sizes[stage] if position == 0 else sizes[stage + 1]
                here = plan.level(stage, position)
                levels[r, w, level, 1:] = [level_cost(here, size, m, k, e) for m, e, k in choices]
            heads[r, w] = [head_cost(plan, exit, sizes[exit], self.classes) for exit in design.exits]
            rest[r, w] = stem_cost(plan, resolution) + heads[r, w]
        return levels, rest, heads

    def __call__(self, codes: Codes) -> Cost:
        """Parameters and MACs (N, 2) of encoded architectures (N, variables).

        Any code within the bounds will do: the levels after a stage's first cost the same, so
        where its zeros stand does not matter. Raises ValueError where a code leaves the bounds.
        """
        return look_up(self.space, *self._tables, codes)


def look_up(
    space: SearchSpace,
    levels: NDArray[Number],
    rest: NDArray[Number],
    heads: NDArray[Number] | None,
    codes: Codes,
) -> NDArray[Number]:
    """Sums (N, K) of K costs over the parts of encoded architectures (N, variables).

    `levels` (R, W, L, codes, K) are those of each level's codes, 0 for a skipped one, `rest` (R, W, exits, K)
    those of stem and head, `heads` (R, W, exits, K) those of a head beside the deepest, which only a space of
    several exits needs. Raises ValueError where a code leaves the bounds.
    """
    space.check(codes)
    exits = codes[:, DEEPEST] if space.design.early_exits else np.zeros(len(codes), np.int64)
    stages = np.asarray(space.design.exits)[exits]
    grid = codes[:, 0] * len(space.widths) + codes[:, 1]
    kinds = rest.shape[-1]
    cost: NDArray[Number] = rest.reshape(-1, len(space.design.exits), kinds)[grid, exits]
    if space.ways is not None:
        assert heads is not None
        flags = exit_flags(codes, space.design, space.ways) & (np.arange(heads.shape[2]) < exits[:, None])
        beside = heads.reshape(-1, *heads.shape[2:])[grid]
        cost += np.where(flags[:, :, None], beside, np.zeros_like(beside)).sum(axis=1)
    # One flat look-up a level, all costs together, over few rows of memory at a time.
    table = levels.reshape(-1, *levels.shape[2:])
    choices = table.shape[2]
    for level in range(table.shape[1]):
        here = table[:, level].reshape(-1, kinds)
        index = grid * choices + codes[:, space.first_level + level]
        index = np.where(level // space.design.levels_per_stage < stages, index, grid * choices)
        cost += here[index]
    return cost
