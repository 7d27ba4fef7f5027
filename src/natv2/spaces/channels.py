"""Channels of a supernet at one width multiplier (thesis, Table 3.1; docs/methods.md, Channels)."""

from collections.abc import Mapping
from dataclasses import dataclass

from natv2.spaces.design import EXITS, STAGES, Activation, Design


def make_divisible(value: float, divisor: int = 8) -> int:
    """Round to a multiple of `divisor` without losing more than a tenth (MobileNetV2's rule)."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


@dataclass(frozen=True, kw_only=True)
class LevelPlan:
    """What all blocks of a level share; only the first level of a stage strides and may change channels."""

    inputs: int
    outputs: int
    stride: int
    first: bool
    activation: Activation
    squeeze_excite: bool


@dataclass(frozen=True, kw_only=True)
class ChannelPlan:
    """Channels of a supernet at one width multiplier; the multiplier is applied once, here.

    `heads` gives, for each exit, the channels of the two 1x1 convolutions of its head.
    """

    stem: int
    stages: tuple[int, ...]
    heads: Mapping[int, tuple[int, int]]

    @property
    def after_stem(self) -> LevelPlan:
        """The plan of the first, fixed block, which changes nothing of its input's shape."""
        shape = {"inputs": self.stem, "outputs": self.stem, "stride": 1}
        return LevelPlan(**shape, first=False, activation="relu", squeeze_excite=False)

    def level(self, stage: int, level: int) -> LevelPlan:
        """The plan of a level of a stage, both counted from 0: a stage's first reads the previous stage."""
        row, first = STAGES[stage], level == 0
        before = self.stem if stage == 0 else self.stages[stage - 1]
        return LevelPlan(
            inputs=before if first else self.stages[stage],
            outputs=self.stages[stage],
            stride=row.stride if first else 1,
            first=first,
            activation=row.activation,
            squeeze_excite=row.squeeze_excite,
        )


def channel_plan(design: Design, width: float) -> ChannelPlan:
    """Channels of `design` at width multiplier `width`, each made divisible by 8.

    A single-exit tail scales the 960 and 1280 of Table 3.1; an early exit's head has 6c and 8c
    channels, c being what its stage gives: the same numbers for exit 5 at width 1.0.
    """
    stages = tuple(make_divisible(stage.channels * width) for stage in STAGES)
    if design.early_exits:
        heads = {
            e: (make_divisible(6 * c), make_divisible(8 * c)) for e, c in zip(EXITS, stages, strict=True)
        }
    else:
        heads = {EXITS[-1]: (make_divisible(960 * width), make_divisible(1280 * width))}
    return ChannelPlan(stem=make_divisible(16 * width), stages=stages, heads=heads)


def expanded(channels: int, expand_ratio: int) -> int:
    """Middle channels of an inverted bottleneck whose input has `channels`."""
    return make_divisible(channels * expand_ratio)


def squeezed(channels: int) -> int:
    """Channels between the two convolutions of squeeze-and-excitation over `channels`."""
    return make_divisible(channels // 4)
