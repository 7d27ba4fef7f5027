"""Exact parameters and MACs of the parts of a network, and of one network.

MACs are those of convolutions and linear layers for one image at the architecture's own
resolution: no batch norms, poolings, biases or sums (docs/methods.md, Channels).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from natv2.spaces.architecture import Architecture
from natv2.spaces.channels import ChannelPlan, LevelPlan, channel_plan, expanded, squeezed
from natv2.spaces.design import BLOCK_BITS, IMAGE_CHANNELS, STAGES, STEM_STRIDE, Design

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
    """Pixels along an edge after a stride: rounded up."""
    return -(-size // stride)


def stem_cost(plan: ChannelPlan, resolution: int) -> Cost:
    """Cost of the stem and of the first, fixed block."""
    size, channels = _strided(resolution, STEM_STRIDE), plan.stem
    first = _conv(IMAGE_CHANNELS, channels, size, kernel=3) + _norm(channels)
    depthwise = _conv(channels, channels, size, kernel=3, groups=channels) + _norm(channels)
    return first + depthwise + _conv(channels, channels, size) + _norm(channels)


@dataclass(frozen=True, kw_only=True)
class _Level:
    """A level with the pixels along an edge `before` and `after` it, and its elastic values."""

    plan: LevelPlan
    before: int
    after: int
    kernel: int
    expand_ratio: int


def _inverted_bottleneck(at: _Level) -> Cost:
    middle = expanded(at.plan.inputs, at.expand_ratio)
    cost = _conv(at.plan.inputs, middle, at.before) + _norm(middle)
    cost += _conv(middle, middle, at.after, kernel=at.kernel, groups=middle) + _norm(middle)
    if at.plan.squeeze_excite:
        cost += _conv(middle, squeezed(middle), 1, bias=True)
        cost += _conv(squeezed(middle), middle, 1, bias=True)
    return cost + _pointwise(at, middle)


def _pointwise(at: _Level, inputs: int | None = None) -> Cost:
    return _conv(inputs or at.plan.inputs, at.plan.outputs, at.after) + _norm(at.plan.outputs)


def _light(at: _Level) -> Cost:
    inputs, outputs = at.plan.inputs, at.plan.outputs
    changed = _conv(inputs, outputs, at.after, bias=True) if inputs != outputs else _NOTHING
    return changed + _norm(outputs)


def _separable(at: _Level) -> Cost:
    inputs = at.plan.inputs
    return _conv(inputs, inputs, at.after, kernel=3, groups=inputs) + _norm(inputs) + _pointwise(at)


BLOCK_COSTS: Mapping[str, Callable[[_Level], Cost]] = {
    "inverted_bottleneck": _inverted_bottleneck,
    "pointwise": _pointwise,
    "light": _light,
    "separable": _separable,
}
"""Cost of each block of `BLOCK_BITS`."""


def level_cost(plan: LevelPlan, size: int, mask: int, kernel: int, expand_ratio: int) -> Cost:
    """Cost of the active blocks of a level whose input has `size` x `size` pixels."""
    after = _strided(size, plan.stride)
    here = _Level(plan=plan, before=size, after=after, kernel=kernel, expand_ratio=expand_ratio)
    return sum((BLOCK_COSTS[name](here) for name, bit in BLOCK_BITS.items() if mask & bit), _NOTHING)


def head_cost(plan: ChannelPlan, exit: int, size: int, classes: int) -> Cost:
    """Cost of the head after stage `exit`, whose input has `size` x `size` pixels."""
    expand, last = plan.heads[exit]
    cost = _conv(plan.stages[exit - 1], expand, size) + _norm(expand) + _conv(expand, last, 1)
    return cost + _conv(last, classes, 1, bias=True)


def stage_sizes(resolution: int) -> tuple[int, ...]:
    """Pixels along an edge of what enters each stage and, last, of what leaves the deepest."""
    sizes = [_strided(resolution, STEM_STRIDE)]
    for stage in STAGES:
        sizes.append(_strided(sizes[-1], stage.stride))
    return tuple(sizes)


def part_costs(design: Design, architecture: Architecture, classes: int) -> list[Cost]:
    """Parameters and MACs of the stem, of each active level, and of each head, in their order."""
    plan, sizes = channel_plan(design, architecture.width), stage_sizes(architecture.resolution)
    costs = [stem_cost(plan, architecture.resolution)]
    for level in filter(architecture.is_active, range(len(architecture.masks))):
        stage, position = divmod(level, architecture.levels_per_stage)
        size = sizes[stage] if position == 0 else sizes[stage + 1]
        choice = (architecture.masks[level], architecture.kernels[level], architecture.expand_ratios[level])
        costs.append(level_cost(plan.level(stage, position), size, *choice))
    return costs + [head_cost(plan, exit, sizes[exit], classes) for exit in architecture.exits]


def architecture_cost(design: Design, architecture: Architecture, classes: int) -> Cost:
    """Parameters and MACs of one architecture, with any number of exits."""
    return sum(part_costs(design, architecture, classes), _NOTHING)
