"""The parts of a search space's networks: what is timed by itself, and where a latency table has it."""

from itertools import product

import numpy as np
from numpy.typing import NDArray
from torch import nn

from natv2.costs.latency_table import LatencyTable
from natv2.costs.parts import stage_sizes
from natv2.spaces.channels import ChannelPlan, LevelPlan, channel_plan
from natv2.spaces.design import BLOCK_BITS, IMAGE_CHANNELS, INVERTED_BOTTLENECK
from natv2.spaces.space import SearchSpace
from natv2.supernets.network import FIRST, STEM, Part, build, head


class SpaceParts:
    """The different parts of a space's networks with their inputs: equal ones are measured once.

    `inputs` are channels and pixels along an edge. Parts of one name differ in their inputs' pixels alone.
    `levels` (R, W, L, codes, blocks) are the indices of the parts of each level's codes, -1 for none, and
    `rest` (R, W, exits, 3) those of stem, first block and head.
    """

    def __init__(self, space: SearchSpace, classes: int) -> None:
        self._space, self._classes = space, classes
        self._known: dict[tuple[str, int], int] = {}
        self.names: list[str] = []
        self.modules: list[nn.Module] = []
        self.inputs: list[tuple[int, int]] = []
        self.levels = self._level_parts()
        self.rest = self._rest_parts()

    def table(self, taken: NDArray[np.float64]) -> LatencyTable:
        """Sums of what the parts took (milliseconds), in their order."""
        padded = np.append(taken, 0.0)  # at -1: no part
        rest = padded[self.rest]
        return LatencyTable(
            space=self._space,
            levels=padded[self.levels].sum(axis=-1),
            rest=rest.sum(axis=-1),
            heads=rest[..., -1],
        )

    def _level_parts(self) -> NDArray[np.int64]:
        """Indices of the parts of each level's codes: (R, W, L, codes, blocks), -1 for none."""
        space, design = self._space, self._space.design
        choices = list(product(design.masks, design.expand_ratios, design.kernels))
        shape = (len(space.resolutions), len(space.widths), design.levels, 1 + len(choices), len(BLOCK_BITS))
        result = np.full(shape, -1, np.int64)
        for (r, resolution), (w, width) in product(enumerate(space.resolutions), enumerate(space.widths)):
            plan, sizes = channel_plan(design, width), stage_sizes(resolution)
            for level in range(design.levels):
                stage, position = divmod(level, design.levels_per_stage)
                size = sizes[stage] if position == 0 else sizes[stage + 1]
                for c, (mask, ratio, kernel) in enumerate(choices, start=1):
                    for b, (block, bit) in enumerate(_active(mask)):
                        elastic = (kernel, ratio) if bit == INVERTED_BOTTLENECK else (0, 0)
                        part = Part(f"stages.{stage}.levels.{position}", bit, *elastic)
                        here = plan.level(stage, position)
                        name = _block_name(block, here, *elastic)
                        result[r, w, level, c, b] = self._part(name, part, plan, here.inputs, size)
        return result

    def _rest_parts(self) -> NDArray[np.int64]:
        """Indices of stem, first block and head by resolution, width and exit: (R, W, exits, 3)."""
        space = self._space
        shape = (len(space.resolutions), len(space.widths), len(space.design.exits), 3)
        result = np.empty(shape, np.int64)
        for (r, resolution), (w, width) in product(enumerate(space.resolutions), enumerate(space.widths)):
            plan, sizes = channel_plan(space.design, width), stage_sizes(resolution)
            stem, first, size = f"stem_{plan.stem}", f"first_{plan.stem}", sizes[0]
            result[r, w, :, 0] = self._part(stem, STEM, plan, IMAGE_CHANNELS, resolution)
            result[r, w, :, 1] = self._part(first, FIRST, plan, plan.stem, size)
            for e, exit in enumerate(space.design.exits):
                channels, size = plan.stages[exit - 1], sizes[exit]
                name = "_".join(map(str, ("head", channels, *plan.heads[exit], self._classes)))
                result[r, w, e, 2] = self._part(name, head(exit), plan, channels, size)
        return result

    def _part(self, name: str, part: Part, plan: ChannelPlan, channels: int, size: int) -> int:
        key = (name, size)
        if key not in self._known:
            self._known[key] = len(self.modules)
            self.names.append(name)
            self.modules.append(build(part, plan, self._classes, 0.0))
            self.inputs.append((channels, size))
        return self._known[key]


def _active(mask: int) -> list[tuple[str, int]]:
    return [(block, bit) for block, bit in BLOCK_BITS.items() if mask & bit]


def _block_name(block: str, plan: LevelPlan, kernel: int, expand_ratio: int) -> str:
    """All that tells a block from others: equal names are equal modules."""
    told = [block, plan.inputs, plan.outputs, f"stride{plan.stride}", plan.activation]
    if block == "inverted_bottleneck":  # others have neither a shortcut nor squeeze-and-excitation
        told += [flag for flag in ("first", "squeeze_excite") if getattr(plan, flag)]
        told += [f"kernel{kernel}", f"expand{expand_ratio}"]
    return "_".join(map(str, told))
