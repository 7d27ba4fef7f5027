"""What blocks and heads are made of (thesis, sections 2.8 and 2.9.3).

Everything is built without memory, on the meta device: a network's tensors are given to it, by
`initialise`, by a supernet or from a file. So a random subnet costs no initialisation.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from natv2.nn.depthwise import DepthwiseConv2d
from natv2.nn.dropout import Dropout
from natv2.nn.moments import average
from natv2.spaces.design import Activation

ACTIVATIONS: dict[Activation, Callable[[], nn.Module]] = {
    "relu": partial(nn.ReLU, inplace=True),
    "hswish": partial(nn.Hardswish, inplace=True),
}


class BatchNorm2d(nn.BatchNorm2d):
    """Batch norm that overwrites what it takes where nothing is learned: `ConvNorm` alone has the input.

    On a CPU that is two to ten times as fast as to fill new memory, with torch's values up to rounding.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape, normalised by the batch, or by the running statistics."""
        count = x.numel() // x.shape[1]  # of one value torch takes no variance, and says so
        if torch.is_grad_enabled() or x.device.type != "cpu" or x.dtype != self.weight.dtype or count < 2:
            return super().forward(x)
        mean, variance = self.running_mean, self.running_var
        if self.training or mean is None or variance is None:
            mean, variance = torch.batch_norm_update_stats(x, None, None, 0.0)
            average(self, mean, variance, count)
        scale = torch.rsqrt(variance + self.eps) * self.weight
        shift = torch.addcmul(self.bias, mean, scale, value=-1)
        return torch.addcmul(shift[:, None, None], x, scale[:, None, None], out=x)


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm and, where named, an activation."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        depthwise: bool = False,
        activation: Activation | None = None,
    ) -> None:
        super().__init__()
        self.conv: nn.Conv2d
        if depthwise:
            self.conv = DepthwiseConv2d(outputs, kernel, stride)
        else:
            self.conv = nn.Conv2d(
                inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False, device="meta"
            )
        self.norm = BatchNorm2d(outputs, device="meta")
        self.activation = ACTIVATIONS[activation]() if activation else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H/stride, W/stride), rounded up."""
        result: Tensor = self.activation(self.norm(self.conv(x)))
        return result


class VectorConv2d(nn.Conv2d):
    """1x1 convolution of maps of one pixel, as the matrix product it is: a third of a convolution's time."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool) -> None:
        super().__init__(inputs, outputs, 1, bias=bias, device="meta")

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, 1, 1) to (N, outputs, 1, 1)."""
        # Contiguous: a supernet's slices would be summed in another order than a subnet's own weights.
        weight = self.weight.flatten(1).contiguous()
        return linear(x.flatten(1), weight, self.bias)[:, :, None, None]


def spatial_mean(x: Tensor) -> Tensor:
    """Mean (N, C, 1, 1) over the pixels of (N, C, H, W).

    Not `mean`, whose gradient fills a whole map, and not in the order of channels-last.
    """
    return x.sum((2, 3), keepdim=True) / (x.shape[2] * x.shape[3])


class SqueezeExcite(nn.Module):
    """Channel-wise recalibration by two 1x1 convolutions over the mean (SENet, section 2.8)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.reduce = VectorConv2d(channels, squeezed, bias=True)
        self.expand = VectorConv2d(squeezed, channels, bias=True)
        self.gate = nn.Hardsigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Scale each channel of (N, C, H, W) by a number between 0 and 1."""
        scale: Tensor = self.gate(self.expand(torch.relu(self.reduce(spatial_mean(x)))))
        return x * scale


class Head(nn.Module):
    """From feature maps to logits: 1x1 expand, global mean, 1x1, dropout, linear (Table 3.1)."""

    def __init__(self, inputs: int, expanded: int, last: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.expand = ConvNorm(inputs, expanded, activation="hswish")
        self.last = VectorConv2d(expanded, last, bias=False)
        self.activation = nn.Hardswish()
        self.dropout = Dropout(dropout)
        self.classifier = nn.Linear(last, classes, device="meta")

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to logits (N, classes)."""
        features = self.activation(self.last(spatial_mean(self.expand(x)))).flatten(1)
        logits: Tensor = self.classifier(self.dropout(features))
        return logits


@torch.no_grad()
def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Give every layer memory and OFA's initial values (docs/methods.md, Channels)."""
    module.to_empty(device="cpu")
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            area = layer.kernel_size[0] * layer.kernel_size[1]
            layer.weight.normal_(0, (2 / (area * layer.out_channels)) ** 0.5, generator=generator)
        elif isinstance(layer, nn.Linear):
            bound = layer.in_features**-0.5
            layer.weight.uniform_(-bound, bound, generator=generator)
        elif isinstance(layer, nn.BatchNorm2d):
            layer.reset_parameters()
        bias = getattr(layer, "bias", None)
        if isinstance(bias, Tensor):
            bias.zero_()
    module.to(memory_format=torch.channels_last)


def track_statistics(module: nn.Module, recording: bool) -> None:
    """Let the batch norms of `module` average what they see into their buffers, or not."""
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.track_running_stats = recording
            layer.momentum = None if recording else 0.1
