"""The blocks a level is made of; a level sums the active ones (thesis, section 5.1.1)."""

from functools import reduce
from operator import add

from torch import Tensor, nn

from natv2.spaces.design import (
    INVERTED_BOTTLENECK,
    LIGHT,
    POINTWISE,
    Activation,
    StagePlan,
    expanded,
    squeezed,
)
from natv2.supernets.layers import ACTIVATIONS, ConvNorm, SqueezeExcite


class InvertedBottleneck(nn.Module):
    """1x1 expand → depthwise k x k → squeeze-and-excitation → 1x1 project (Figure 2.8).

    Without `middle` there is no expansion: the first, fixed block of the backbone.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        middle: int | None,
        kernel: int,
        stride: int,
        activation: Activation,
        squeeze_excite: bool,
        shortcut: bool,
    ) -> None:
        super().__init__()
        channels = middle or inputs
        self.shortcut = shortcut
        self.expand = ConvNorm(inputs, channels, activation=activation) if middle else nn.Identity()
        self.depthwise = ConvNorm(
            channels, channels, kernel=kernel, stride=stride, depthwise=True, activation=activation
        )
        self.squeeze_excite = SqueezeExcite(channels, squeezed(channels)) if squeeze_excite else nn.Identity()
        self.project = ConvNorm(channels, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H/stride, W/stride), rounded up."""
        result: Tensor = self.project(self.squeeze_excite(self.depthwise(self.expand(x))))
        return result + x if self.shortcut else result


class Light(nn.Module):
    """Batch norm and activation; pooling and a 1x1 convolution only where the shape must change."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, activation: Activation) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity()
        self.conv = nn.Conv2d(inputs, outputs, 1, device="meta") if inputs != outputs else nn.Identity()
        self.norm = nn.BatchNorm2d(outputs, device="meta")
        self.activation = ACTIVATIONS[activation]()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H/stride, W/stride), rounded up."""
        result: Tensor = self.activation(self.norm(self.conv(self.pool(x))))
        return result


class Level(nn.Module):
    """The blocks at one depth of a stage, side by side: their outputs are summed, unscaled."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        plan: StagePlan,
        first: bool,
        mask: int,
        kernel: int,
        expand_ratio: int,
    ) -> None:
        super().__init__()
        stride = plan.stride if first else 1
        self.blocks = nn.ModuleDict()
        if mask & INVERTED_BOTTLENECK:
            self.blocks["inverted_bottleneck"] = InvertedBottleneck(
                inputs,
                outputs,
                middle=expanded(inputs, expand_ratio),
                kernel=kernel,
                stride=stride,
                activation=plan.activation,
                squeeze_excite=plan.squeeze_excite,
                shortcut=not first,
            )
        if mask & POINTWISE:
            self.blocks["pointwise"] = ConvNorm(inputs, outputs, stride=stride, activation=plan.activation)
        if mask & LIGHT:
            self.blocks["light"] = Light(inputs, outputs, stride=stride, activation=plan.activation)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H/stride, W/stride), rounded up."""
        outputs: list[Tensor] = [block(x) for block in self.blocks.values()]
        return reduce(add, outputs)
