"""Exact parameters and MACs of every network of a search space, from one table.

MACs are those of convolutions and linear layers for one image at the architecture's own
resolution: no batch norms, poolings, biases or sums (facts, section 1).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from natv2.spaces.architecture import Architecture
from natv2.spaces.design import (
    BLOCKS,
    BLOCKS_PER_STAGE,
    EXPAND_RATIOS,
    IMAGE_CHANNELS,
    INVERTED_BOTTLENECK,
    KERNEL_SIZES,
    LIGHT,
    POINTWISE,
    STAGES,
    STEM_STRIDE,
    ChannelPlan,
    Design,
    channel_plan,
    expanded,
    squeezed,
)
from natv2.spaces.space import Codes, SearchSpace

Cost = NDArray[np.int64]
"""Parameters and MACs: an array whose last axis has these two."""

PARAMS, MACS = 0, 1
_NOTHING = np.zeros(2, np.int64)


def _conv(
    inputs: int, outputs: int, size: int, *, kernel: int = 1, groups: int = 1, bias: bool = False
) -> Cost:
    """Cost of a convolution whose output has `size` x `size` pixels."""
    weights = outputs * (inputs // groups) * kernel * kernel
    return np.array([weights + bias * outputs, weights * size * size], np.int64)


def _norm(channels: int) -> Cost:
    """Cost of a batch norm: a scale and a shift for each channel."""
    return np.array([2 * channels, 0], np.int64)


def _strided(size: int, stride: int) -> int:
    """Pixels along an edge behind a stride: rounded up."""
    return -(-size // stride)


def _stem(plan: ChannelPlan, resolution: int) -> Cost:
    """Cost of the stem and of the first, fixed block."""
    size, channels = _strided(resolution, STEM_STRIDE), plan.stem
    stem = _conv(IMAGE_CHANNELS, channels, size, kernel=3) + _norm(channels)
    depthwise = _conv(channels, channels, size, kernel=3, groups=channels) + _norm(channels)
    return stem + depthwise + _conv(channels, channels, size) + _norm(channels)


def _level(plan: ChannelPlan, block: int, size: int, mask: int, kernel: int, expand_ratio: int) -> Cost:
    """Cost of the active blocks of a level whose input has `size` x `size` pixels."""
    number, position = divmod(block, BLOCKS_PER_STAGE)
    stage, inputs, outputs = STAGES[number], plan.block_inputs[block], plan.stages[number]
    after = _strided(size, stage.stride if position == 0 else 1)
    cost = _NOTHING
    if mask & INVERTED_BOTTLENECK:
        middle = expanded(inputs, expand_ratio)
        cost = cost + _conv(inputs, middle, size) + _norm(middle)
        cost = cost + _conv(middle, middle, after, kernel=kernel, groups=middle) + _norm(middle)
        if stage.squeeze_excite:
            cost = cost + _conv(middle, squeezed(middle), 1, bias=True)
            cost = cost + _conv(squeezed(middle), middle, 1, bias=True)
        cost = cost + _conv(middle, outputs, after) + _norm(outputs)
    if mask & POINTWISE:
        cost = cost + _conv(inputs, outputs, after) + _norm(outputs)
    if mask & LIGHT:
        cost = cost + _norm(outputs)
        cost = cost + (_conv(inputs, outputs, after, bias=True) if inputs != outputs else _NOTHING)
    return cost


def _head(plan: ChannelPlan, exit: int, size: int, classes: int) -> Cost:
    """Cost of the head behind stage `exit`, whose input has `size` x `size` pixels."""
    expand, last = plan.heads[exit]
    cost = _conv(plan.stages[exit - 1], expand, size) + _norm(expand) + _conv(expand, last, 1)
    return cost + _conv(last, classes, 1, bias=True)


def stage_sizes(resolution: int) -> tuple[int, ...]:
    """Pixels along an edge of what enters each stage and, last, of what leaves the deepest."""
    sizes = [_strided(resolution, STEM_STRIDE)]
    for stage in STAGES:
        sizes.append(_strided(sizes[-1], stage.stride))
    return tuple(sizes)


def architecture_cost(design: Design, architecture: Architecture, classes: int) -> Cost:
    """Parameters and MACs of one architecture, with any number of exits."""
    plan, sizes = channel_plan(design, architecture.width), stage_sizes(architecture.resolution)
    cost = _stem(plan, architecture.resolution)
    for block in filter(architecture.is_active, range(BLOCKS)):
        stage, position = divmod(block, BLOCKS_PER_STAGE)
        size = sizes[stage] if position == 0 else sizes[stage + 1]
        choice = (architecture.masks[block], architecture.kernels[block], architecture.expand_ratios[block])
        cost = cost + _level(plan, block, size, *choice)
    for exit in architecture.exits:
        cost = cost + _head(plan, exit, sizes[exit], classes)
    return cost


@dataclass(frozen=True, kw_only=True)
class CostTable:
    """Costs of everything a code can name, so that a code's cost is a sum of look-ups."""

    space: SearchSpace
    classes: int

    @cached_property
    def _blocks(self) -> Cost:
        """Cost by resolution, width, block and its code: (R, W, 20, codes, 2)."""
        space, masks = self.space, self.space.design.masks
        choices = [(m, k, e) for m in masks for e in EXPAND_RATIOS for k in KERNEL_SIZES]
        table = np.zeros((len(space.resolutions), len(space.widths), BLOCKS, 1 + len(choices), 2), np.int64)
        for r, resolution in enumerate(space.resolutions):
            sizes = stage_sizes(resolution)
            for w, width in enumerate(space.widths):
                plan = channel_plan(space.design, width)
                for block in range(BLOCKS):
                    stage, position = divmod(block, BLOCKS_PER_STAGE)
                    size = sizes[stage] if position == 0 else sizes[stage + 1]
                    table[r, w, block, 1:] = [_level(plan, block, size, *choice) for choice in choices]
        return table

    @cached_property
    def _rest(self) -> Cost:
        """Cost of stem and head by resolution, width and exit: (R, W, exits, 2)."""
        space = self.space
        return np.array(
            [
                [
                    [
                        _stem(plan, resolution)
                        + _head(plan, exit, stage_sizes(resolution)[exit], self.classes)
                        for exit in space.design.exits
                    ]
                    for plan in (channel_plan(space.design, width) for width in space.widths)
                ]
                for resolution in space.resolutions
            ]
        )

    def __call__(self, codes: Codes) -> Cost:
        """Parameters and MACs (N, 2) of encoded architectures (N, variables).

        Any code within the bounds will do: the blocks behind a stage's first cost the same, so
        where its zeros stand does not matter. Raises ValueError where a code leaves the bounds.
        """
        self.space.check(codes)
        exits = codes[:, 2] if self.space.design.early_exits else np.zeros(len(codes), np.int64)
        stages = np.asarray(self.space.design.exits)[exits]
        grid = codes[:, 0] * len(self.space.widths) + codes[:, 1]
        cost: Cost = self._rest.reshape(-1, len(self.space.design.exits), 2)[grid, exits]
        # One flat look-up a block, parameters and MACs together, over few rows of memory at a time.
        table = self._blocks.reshape(-1, BLOCKS, self._blocks.shape[3], 2)
        for block in range(BLOCKS):
            here = table[:, block].reshape(-1, 2)
            index = grid * self._blocks.shape[3] + codes[:, self.space.first_block + block]
            index = np.where(block // BLOCKS_PER_STAGE < stages, index, grid * self._blocks.shape[3])
            cost += here[index]
        return cost
