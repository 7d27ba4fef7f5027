"""The nine supernets as data: what they are made of, their channels, what is elastic in them.

Thesis, Table 3.1 (backbone), Table 5.1 (the nine names), section 5.1.1 (what each flag means).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Activation = Literal["relu", "hswish"]

KERNEL_SIZES = (3, 5, 7)
EXPAND_RATIOS = (3, 4, 6)
DEPTHS = (2, 3, 4)

# A level is a set of blocks in parallel; its mask has one bit for each (section 5.1.1).
INVERTED_BOTTLENECK, POINTWISE, LIGHT = 4, 2, 1
LEVEL_MASKS = (1, 2, 3, 4, 5, 6, 7)

IMAGE_CHANNELS = 3
STEM_STRIDE = 2


@dataclass(frozen=True, kw_only=True)
class StagePlan:
    """One row of Table 3.1: what every block of a stage shares; only its first block strides."""

    channels: int
    stride: int
    activation: Activation
    squeeze_excite: bool


STAGES = (
    StagePlan(channels=24, stride=2, activation="relu", squeeze_excite=False),
    StagePlan(channels=40, stride=2, activation="relu", squeeze_excite=True),
    StagePlan(channels=80, stride=2, activation="hswish", squeeze_excite=False),
    StagePlan(channels=112, stride=1, activation="hswish", squeeze_excite=True),
    StagePlan(channels=160, stride=2, activation="hswish", squeeze_excite=True),
)
BLOCKS_PER_STAGE = max(DEPTHS)
BLOCKS = len(STAGES) * BLOCKS_PER_STAGE
EXITS = tuple(range(1, len(STAGES) + 1))


@dataclass(frozen=True, kw_only=True)
class Design:
    """A row of Table 5.1: a supernet's name and its three structural changes."""

    name: str
    early_exits: bool = False
    dense: bool = False
    parallel: bool = False

    @property
    def exits(self) -> tuple[int, ...]:
        """Exits a network of this design can have, counted from 1 as in the thesis."""
        return EXITS if self.early_exits else EXITS[-1:]

    @property
    def masks(self) -> tuple[int, ...]:
        """Activation states a level of this design can have."""
        return LEVEL_MASKS if self.parallel else (INVERTED_BOTTLENECK,)

    @property
    def full_mask(self) -> int:
        """Activation state of a level with all its blocks."""
        return self.masks[-1]


_PREFIXES = {"B": (False, False), "D": (True, False), "P": (False, True), "DP": (True, True)}

DESIGNS: Mapping[str, Design] = MappingProxyType(
    {"OFAMobileNetV3": Design(name="OFAMobileNetV3")}
    | {
        f"{exits}_{prefix}_OFAMobileNetV3": Design(
            name=f"{exits}_{prefix}_OFAMobileNetV3",
            early_exits=exits == "EE",
            dense=dense,
            parallel=parallel,
        )
        for exits in ("SE", "EE")
        for prefix, (dense, parallel) in _PREFIXES.items()
    }
)


def make_divisible(value: float, divisor: int = 8) -> int:
    """Round to a multiple of `divisor` without losing more than a tenth (MobileNetV2's rule)."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


@dataclass(frozen=True, kw_only=True)
class ChannelPlan:
    """Channels of a supernet at one width multiplier; the multiplier is applied once, here.

    `heads` gives, for each exit, the channels of the two 1x1 convolutions of its head.
    """

    stem: int
    stages: tuple[int, ...]
    heads: Mapping[int, tuple[int, int]]

    @property
    def block_inputs(self) -> tuple[int, ...]:
        """Input channels of each of the 20 blocks: a stage's first one reads the previous stage."""
        previous = (self.stem, *self.stages[:-1])
        return tuple(
            channels
            for before, here in zip(previous, self.stages, strict=True)
            for channels in (before, *(here,) * (BLOCKS_PER_STAGE - 1))
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
    return make_divisible(round(channels * expand_ratio))


def squeezed(channels: int) -> int:
    """Channels between the two convolutions of squeeze-and-excitation over `channels`."""
    return make_divisible(channels // 4)
