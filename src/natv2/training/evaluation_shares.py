"""How ranks share architectures that are to be evaluated: those with a common prefix stay together."""

from collections.abc import Sequence

import numpy as np

from natv2.costs.parts import MACS, part_costs
from natv2.spaces.architecture import Architecture
from natv2.spaces.design import Design
from natv2.supernets.network import levels

Path = tuple[tuple[object, ...], ...]
"""The levels of an architecture, from the first on."""


def equal_shares(
    design: Design, architectures: Sequence[Architecture], classes: int, count: int
) -> list[list[int]]:
    """Positions of `architectures`, in `count` shares of about equal cost.

    Each is a stretch of their prefix trees, depth first. An architecture costs the multiply-accumulates of
    what it does not share with the one before.
    """
    keys = [(each.resolution, each.width, _path(each)) for each in architectures]
    order = sorted(range(len(architectures)), key=lambda position: keys[position])
    costs = []
    for number, position in enumerate(order):
        parts = part_costs(design, architectures[position], classes)
        shared = _shared(keys[order[number - 1]], keys[position]) if number else 0
        costs.append(sum(int(cost[MACS]) for cost in parts[shared:]))
    middles = np.cumsum(costs) - np.array(costs) / 2
    ends = np.searchsorted(middles, np.linspace(0, sum(costs), count + 1)[1:-1])
    return [share.tolist() for share in np.split(np.array(order, dtype=int), ends)]


def _path(architecture: Architecture) -> Path:
    """The levels from the first on, in their order."""
    stages = range(architecture.deepest_exit)
    return tuple(tuple(level) for stage in stages for level in levels(architecture, stage))


def _shared(before: tuple[int, float, Path], after: tuple[int, float, Path]) -> int:
    """How many parts, the stem first, two networks have in common."""
    if before[:2] != after[:2]:
        return 0
    pairs = list(zip(before[2], after[2], strict=False))
    return 1 + next((n for n, (one, other) in enumerate(pairs) if one != other), len(pairs))
