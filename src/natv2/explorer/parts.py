"""What an architecture is on the page, and what each of its parts costs."""

from collections.abc import Sequence

import numpy as np

from natv2.costs.parts import part_costs
from natv2.explorer.data import Architecture
from natv2.spaces import architecture as spaces
from natv2.spaces.design import STAGES, Design

Parts = tuple[tuple[int, int], ...]


def shown(architecture: spaces.Architecture) -> Architecture:
    """`architecture` as the page has it."""
    told = {**spaces.described(architecture), "exits": architecture.exits}
    return Architecture.model_validate({name: told[name] for name in Architecture.model_fields})


def stage_costs(design: Design, architecture: spaces.Architecture, classes: int) -> Parts:
    """Parameters and MACs of the stem, of each stage, and of all heads together: 7 pairs."""
    stem, *others = part_costs(design, architecture, classes)
    active = [level for level in range(len(architecture.masks)) if architecture.is_active(level)]
    sums = np.zeros((len(STAGES) + 2, 2), np.int64)
    sums[0] = stem
    for level, cost in zip(active, others, strict=False):
        sums[1 + level // architecture.levels_per_stage] += cost
    sums[-1] = sum(others[len(active) :], np.zeros(2, np.int64))
    return as_pairs(sums.tolist())


def as_pairs(rows: Sequence[Sequence[int]]) -> Parts:
    """Rows of two as the model has them."""
    return tuple((int(params), int(macs)) for params, macs in rows)
