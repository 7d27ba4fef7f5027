"""The blocks a level is made of; a level sums the active ones (thesis, section 5.1.1)."""

from collections.abc import Callable, Mapping
from functools import reduce
from operator import add

from torch import Tensor, nn

from natv2.nn.layers import ACTIVATIONS, ConvNorm, SqueezeExcite
from natv2.spaces.channels import LevelPlan, expanded, squeezed
from natv2.spaces.design import BLOCK_BITS


class InvertedBottleneck(nn.Module):
    """1x1 expand → depthwise k x k → squeeze-and-excitation → 1x1 project (Figure 2.8).

    Without `middle` there is no expansion: the first, fixed block of the backbone.
    """

    def __init__(self, plan: LevelPlan, kernel: int, middle: int | None = None) -> None:
        super().__init__()
        channels, activation = middle or plan.inputs, plan.activation
        self.shortcut = not plan.first
        self.expand = ConvNorm(plan.inputs, channels, activation=activation) if middle else nn.Identity()
        self.depthwise = ConvNorm(
            channels, channels, kernel=kernel, stride=plan.stride, depthwise=True, activation=activation
        )
        excited = plan.squeeze_excite
        self.squeeze_excite = SqueezeExcite(channels, squeezed(channels)) if excited else nn.Identity()
        self.project = ConvNorm(channels, plan.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H/stride, W/stride), rounded up."""
        result: Tensor = self.project(self.squeeze_excite(self.depthwise(self.expand(x))))
        return result + x if self.shortcut else result


class Light(nn.Module):
    """Batch norm and activation; pooling and a 1x1 convolution only where the shape must change."""

    def __init__(self, plan: LevelPlan) -> None:
        super().__init__()
        changes = plan.inputs != plan.outputs
        self.pool = nn.MaxPool2d(plan.stride, ceil_mode=True) if plan.stride > 1 else nn.Identity()
        self.conv = nn.Conv2d(plan.inputs, plan.outputs, 1, device="meta") if changes else nn.Identity()
        self.norm = nn.BatchNorm2d(plan.outputs, device="meta")
        self.activation = ACTIVATIONS[plan.activation]()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H/stride, W/stride), rounded up."""
        result: Tensor = self.activation(self.norm(self.conv(self.pool(x))))
        return result


class Separable(nn.Module):
    """Depthwise 3x3, then pointwise, each with batch norm and activation (MobileNets; arXiv:1704.04861)."""

    def __init__(self, plan: LevelPlan) -> None:
        super().__init__()
        self.depthwise = ConvNorm(
            plan.inputs,
            plan.inputs,
            kernel=3,
            stride=plan.stride,
            depthwise=True,
            activation=plan.activation,
        )
        self.pointwise = ConvNorm(plan.inputs, plan.outputs, activation=plan.activation)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H/stride, W/stride), rounded up."""
        result: Tensor = self.pointwise(self.depthwise(x))
        return result


def _inverted_bottleneck(plan: LevelPlan, kernel: int, expand_ratio: int) -> nn.Module:
    return InvertedBottleneck(plan, kernel, expanded(plan.inputs, expand_ratio))


def _pointwise(plan: LevelPlan) -> nn.Module:
    return ConvNorm(plan.inputs, plan.outputs, stride=plan.stride, activation=plan.activation)


BLOCKS: Mapping[str, Callable[[LevelPlan, int, int], nn.Module]] = {
    "inverted_bottleneck": _inverted_bottleneck,
    "pointwise": lambda plan, kernel, expand_ratio: _pointwise(plan),
    "light": lambda plan, kernel, expand_ratio: Light(plan),
    "separable": lambda plan, kernel, expand_ratio: Separable(plan),
}
"""What builds each block of `BLOCK_BITS` from a level's plan, kernel and expand ratio."""


class Level(nn.Module):
    """The blocks at one depth of a stage, side by side: their outputs are summed, unscaled."""

    def __init__(self, plan: LevelPlan, *, mask: int, kernel: int, expand_ratio: int) -> None:
        super().__init__()
        active = [name for name, bit in BLOCK_BITS.items() if mask & bit]
        self.blocks = nn.ModuleDict({name: BLOCKS[name](plan, kernel, expand_ratio) for name in active})

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H/stride, W/stride), rounded up."""
        outputs: list[Tensor] = [block(x) for block in self.blocks.values()]
        return reduce(add, outputs)
