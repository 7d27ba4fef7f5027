"""A plain, static network: any architecture of any of the nine designs (Table 3.1, Figure 5.2)."""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from natv2.spaces.architecture import Architecture
from natv2.spaces.design import (
    BLOCKS_PER_STAGE,
    IMAGE_CHANNELS,
    STAGES,
    STEM_STRIDE,
    ChannelPlan,
    Design,
    channel_plan,
)
from natv2.supernets.blocks import InvertedBottleneck, Level
from natv2.supernets.layers import ConvNorm, Head


class Stage(nn.Module):
    """Levels in sequence, with dense skips between them where the design has them.

    A dense skip reaches over two levels or more: what goes on behind level d is
    y_d + Σ_{j ≤ d-2} y_j, both into the next level and out of the stage (facts, section 4).
    """

    def __init__(self, levels: list[nn.Module], *, dense: bool) -> None:
        super().__init__()
        self.levels = nn.ModuleList(levels)
        self.dense = dense

    def forward(self, x: Tensor) -> Tensor:
        """Map the previous stage's feature maps to this stage's."""
        outputs: list[Tensor] = []
        for level in self.levels:
            outputs.append(level(x))
            x = outputs[-1]
            if self.dense:
                for earlier in outputs[:-2]:
                    x = x + earlier
        return x


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
        parts: dict[tuple[object, ...], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.design, self.architecture, self.classes, self.dropout = design, architecture, classes, dropout
        parts = {} if parts is None else parts
        plan = channel_plan(design, architecture.width)
        self.stem = _part(parts, ("stem",), lambda: _stem(plan.stem))
        self.first = _part(parts, ("first",), lambda: _first_block(plan.stem))
        self.stages = nn.ModuleList(
            Stage(
                [_level(architecture, plan, block, parts) for block in _blocks(architecture, stage)],
                dense=design.dense,
            )
            for stage in range(architecture.deepest_exit)
        )
        self.heads = nn.ModuleDict()
        for exit in architecture.exits:
            channels = (plan.stages[exit - 1], *plan.heads[exit])
            self.heads[str(exit)] = _part(parts, ("head", exit), partial(Head, *channels, classes, dropout))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map images (N, 3, R, R) to logits (N, classes), one for each exit, the shallowest first."""
        x = self.first(self.stem(x))
        logits = []
        for exit, stage in enumerate(self.stages, start=1):
            x = stage(x)
            if str(exit) in self.heads:
                logits.append(self.heads[str(exit)](x))
        return tuple(logits)


def _part(
    parts: dict[tuple[object, ...], nn.Module], key: tuple[object, ...], make: Callable[[], nn.Module]
) -> nn.Module:
    if key not in parts:
        parts[key] = make()
    return parts[key]


def _stem(channels: int) -> nn.Module:
    return ConvNorm(IMAGE_CHANNELS, channels, kernel=3, stride=STEM_STRIDE, activation="hswish")


def _first_block(channels: int) -> nn.Module:
    return InvertedBottleneck(
        channels,
        channels,
        middle=None,
        kernel=3,
        stride=1,
        activation="relu",
        squeeze_excite=False,
        shortcut=True,
    )


def _blocks(architecture: Architecture, stage: int) -> range:
    start = stage * BLOCKS_PER_STAGE
    return range(start, start + architecture.depths[stage])


def _level(
    architecture: Architecture, plan: ChannelPlan, block: int, parts: dict[tuple[object, ...], nn.Module]
) -> nn.Module:
    stage, position = divmod(block, BLOCKS_PER_STAGE)
    choice = (architecture.masks[block], architecture.kernels[block], architecture.expand_ratios[block])
    return _part(
        parts,
        (block, *choice),
        lambda: Level(
            plan.block_inputs[block],
            plan.stages[stage],
            plan=STAGES[stage],
            first=position == 0,
            mask=choice[0],
            kernel=choice[1],
            expand_ratio=choice[2],
        ),
    )
