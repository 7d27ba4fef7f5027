"""A plain, static network: any architecture of any of the nine designs (Table 3.1, Figure 5.2)."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from torch import Tensor, nn

from natv2.nn.blocks import InvertedBottleneck, Level
from natv2.nn.layers import ConvNorm, Head
from natv2.spaces.architecture import Architecture
from natv2.spaces.channels import ChannelPlan, channel_plan
from natv2.spaces.design import IMAGE_CHANNELS, STEM_STRIDE, Design
from natv2.supernets.slots import Slots


class Part(NamedTuple):
    """A piece of a network that others may share: its module's name, and what a level's blocks are."""

    place: str
    mask: int = 0
    kernel: int = 0
    expand_ratio: int = 0

    @property
    def opens_stage(self) -> bool:
        """Whether it is the first level of a stage."""
        return self.place.endswith("levels.0")


STEM, FIRST = Part("stem"), Part("first")


def head(exit: int) -> Part:
    """The head after stage `exit`."""
    return Part(f"heads.{exit}")


def levels(architecture: Architecture, stage: int) -> list[Part]:
    """The active levels of a stage, counted from 0, in their order."""
    start = stage * architecture.levels_per_stage
    return [
        Part(
            f"stages.{stage}.levels.{level}",
            architecture.masks[start + level],
            architecture.kernels[start + level],
            architecture.expand_ratios[start + level],
        )
        for level in range(architecture.depths[stage])
    ]


def parts_in(architecture: Architecture) -> list[Part]:
    """All parts of a network, in the order in which images go through them, heads last."""
    stages = [level for stage in range(architecture.deepest_exit) for level in levels(architecture, stage)]
    return [STEM, FIRST, *stages, *(head(exit) for exit in architecture.exits)]


def skipped(outputs: Sequence[Tensor], *, dense: bool) -> Tensor:
    """What goes on after a stage's levels, given their outputs so far.

    A dense skip reaches over two levels or more: after level d it is y_d + Σ_{j ≤ d-2} y_j, both into the
    next level and out of the stage (docs/methods.md, Dense skips and parallel blocks).
    """
    x = outputs[-1]
    if dense:
        for earlier in outputs[:-2]:
            x = x + earlier
    return x


class Stage(nn.Module):
    """Levels in sequence, with dense skips between them where the design has them."""

    def __init__(self, levels: list[nn.Module], *, dense: bool) -> None:
        super().__init__()
        self.levels = nn.ModuleList(levels)
        self.dense = dense

    def forward(self, x: Tensor) -> Tensor:
        """Map the previous stage's feature maps to this stage's."""
        outputs: list[Tensor] = []
        for level in self.levels:
            outputs.append(level(x))
            x = skipped(outputs, dense=self.dense)
        return x


Parts = dict[Part, Slots]
"""Pieces that have been built."""


class Network(nn.Module):
    """Stem, stages and one head for each kept exit; its tensors are on the meta device until given.

    `parts` keeps what is built and takes what another network with the same `parts` built: the
    networks then share modules, which only makes sense where each call brings its own tensors.
    """

    def __init__(
        self,
        design: Design,
        architecture: Architecture,
        classes: int,
        dropout: float = 0.0,
        parts: Parts | None = None,
    ) -> None:
        super().__init__()
        self.design, self.architecture, self.classes, self.dropout = design, architecture, classes, dropout
        plan = channel_plan(design, architecture.width)

        def part(which: Part) -> nn.Module:
            if parts is None:
                return build(which, plan, classes, dropout)
            if which not in parts:
                parts[which] = Slots(build(which, plan, classes, dropout))
            return parts[which].module

        self.stem, self.first = part(STEM), part(FIRST)
        self.stages = nn.ModuleList(
            Stage([part(level) for level in levels(architecture, stage)], dense=design.dense)
            for stage in range(architecture.deepest_exit)
        )
        self.heads = nn.ModuleDict({str(exit): part(head(exit)) for exit in architecture.exits})

    @property
    def exits(self) -> tuple[int, ...]:
        """The stages that have a head, counted from 1, ascending."""
        return self.architecture.exits

    @property
    def stage_parts(self) -> list[nn.Module]:
        """All before each stage's head, from the stage before it on."""
        first, *others = self.stages
        return [nn.Sequential(self.stem, self.first, first), *others]

    def outputs(self, x: Tensor) -> Iterator[Tensor]:
        """Logits (N, classes) of each exit of images (N, 3, R, R), computed when they are asked for."""
        x = self.first(self.stem(x))
        for exit, stage in enumerate(self.stages, start=1):
            x = stage(x)
            if str(exit) in self.heads:
                yield self.heads[str(exit)](x)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map images (N, 3, R, R) to logits (N, classes), one for each exit, the shallowest first."""
        return tuple(self.outputs(x))


def build(part: Part, plan: ChannelPlan, classes: int, dropout: float) -> nn.Module:
    """The module of `part`."""
    kind, *numbers = part.place.split(".")
    if kind == "stem":
        return ConvNorm(IMAGE_CHANNELS, plan.stem, kernel=3, stride=STEM_STRIDE, activation="hswish")
    if kind == "first":
        return InvertedBottleneck(plan.after_stem, kernel=3)
    if kind == "heads":
        exit = int(numbers[0])
        return Head(plan.stages[exit - 1], *plan.heads[exit], classes, dropout)
    stage, level = int(numbers[0]), int(numbers[2])
    return Level(plan.level(stage, level), mask=part.mask, kernel=part.kernel, expand_ratio=part.expand_ratio)
