"""A network's layers as torch's own, which every exporter and every reader knows."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn


class SqueezeExcite(nn.Module):
    """Each channel, scaled by what two 1x1 convolutions make of the means of all."""

    def __init__(self, reduce: nn.Module, expand: nn.Module) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce, self.activation = reduce, nn.ReLU()
        self.expand, self.gate = expand, nn.Hardsigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        scale: Tensor = self.gate(self.expand(self.activation(self.reduce(self.pool(x)))))
        return x * scale


class Head(nn.Module):
    """1x1 convolution, mean, 1x1 convolution, linear layer."""

    def __init__(self, expand: nn.Module, last: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.expand, self.pool = expand, nn.AdaptiveAvgPool2d(1)
        self.last, self.activation, self.flatten = last, nn.Hardswish(), nn.Flatten()
        self.classifier = classifier

    def forward(self, x: Tensor) -> Tensor:
        """Map feature maps (N, C, H, W) to logits (N, classes)."""
        features = self.activation(self.last(self.pool(self.expand(x))))
        logits: Tensor = self.classifier(self.flatten(features))
        return logits


def _convolution(layer: Any) -> nn.Module:
    plain = nn.Conv2d(
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,
        stride=layer.stride,
        padding=layer.padding,
        groups=layer.groups,
        bias=layer.bias is not None,
        device="meta",
    )
    plain.weight, plain.bias = layer.weight, layer.bias
    return plain


def _norm(layer: Any) -> nn.BatchNorm2d:
    plain = nn.BatchNorm2d(layer.num_features, eps=layer.eps, device="meta")
    for name in ("weight", "bias", "running_mean", "running_var"):
        setattr(plain, name, getattr(layer, name))
    plain.num_batches_tracked = None
    return plain


_PLAIN: Mapping[str, Callable[[Any], nn.Module]] = MappingProxyType(
    {
        "natv2.nn.depthwise.DepthwiseConv2d": _convolution,
        "natv2.nn.layers.VectorConv2d": _convolution,
        "natv2.nn.layers.BatchNorm2d": _norm,
        "natv2.nn.layers.SqueezeExcite": lambda layer: SqueezeExcite(layer.reduce, layer.expand),
        "natv2.nn.layers.Head": lambda layer: Head(layer.expand, layer.last, layer.classifier),
        "natv2.nn.traced.PointwiseConvNorm": lambda layer: nn.Sequential(layer.convolution, layer.norm),
        "natv2.nn.traced.GlobalAveragePool": lambda layer: nn.AdaptiveAvgPool2d(1),
        # A batch norm that drops and activates too.
        "timm.layers.norm_act.BatchNormAct2d": lambda layer: nn.Sequential(
            _norm(layer), layer.drop, layer.act
        ),
    }
)
"""What makes a plain layer of one that is faster or overwrites its input, by the name of its type.

By name, since timm need not be there.
"""


def replace_layers(network: nn.Module) -> None:
    """Put, in place, torch's own layers where `network` has ones that do more; values stay, up to rounding.

    It must be in evaluation mode, and is so afterwards.
    """
    # What holds others comes first in this order, so what it holds is replaced within its successor.
    for name, _ in list(network.named_modules()):
        layer = _there(network, name)
        if layer is None:
            continue
        build = _PLAIN.get(f"{type(layer).__module__}.{type(layer).__name__}")
        if build is not None and name:
            network.set_submodule(name, build(layer).eval())


def _there(network: nn.Module, name: str) -> nn.Module | None:
    try:
        return network.get_submodule(name)
    except AttributeError:  # it was in what has been replaced
        return None
