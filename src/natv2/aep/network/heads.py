"""Exit heads: copies of a network's own last layers, rescaled to where they stand (section 4.2.1)."""

import copy
import logging
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, fx, nn

from natv2.nn.traced import GlobalAveragePool, join_norms, order_pooling

logger = logging.getLogger("natv2")

Scale = Callable[[int], int]
"""A count of channels at a place where there are fewer or more of them."""


def exit_head(tail: fx.GraphModule, own: torch.Size, here: torch.Size, name: str) -> nn.Module:
    """The head of an exit after feature maps of shape `here`, as `tail` is that of ones of shape `own`.

    Layers are as many and of the same kind, their channels in proportion to those they start from; the
    weights are new. Where such a copy does not fit (a classifier over positions, as VGG's), the head is
    global average pooling and a linear layer.
    """
    channels, classes = _channels(here), _outputs(classifier(tail)[1])
    try:
        head = rescaled(tail, _channels(own), channels)
        with torch.inference_mode():
            fits = head.eval()(torch.zeros(1, *here)).shape == (1, classes)
    except (RuntimeError, ValueError):  # the latter of layers that cannot be had in such a size
        fits = False
    if fits:
        return head.train()
    logger.info("exit %s: the network's last layers do not fit, it gets pooling and a linear layer", name)
    return PooledHead(channels, classes)


class PooledHead(nn.Module):
    """Global average pooling, of features that have positions, and a linear layer."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.pool = GlobalAveragePool()
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map feature maps (N, C, H, W), or features (N, C), to logits (N, classes)."""
        logits: Tensor = self.classifier(self.pool(x).flatten(1) if x.ndim == 4 else x)
        return logits


def rescaled(tail: fx.GraphModule, own: int, channels: int) -> fx.GraphModule:
    """A copy of `tail`, which starts from `own` channels, that starts from `channels`, with new weights."""
    head = copy.deepcopy(tail)
    last, _ = classifier(head)

    def scale(count: int) -> int:
        return max(1, round(count * channels / own))

    for name, module in list(head.named_modules()):
        build = _BUILD.get(type(module).__name__)
        if build is not None:
            outputs = (lambda count: count) if name == last else scale
            head.set_submodule(name, build(module, scale, outputs))
    join_norms(head)
    order_pooling(head)
    for module in head.modules():
        if hasattr(module, "inplace"):  # on the joined layers' output, a view, it would cost a copy and more
            module.inplace = False  # type: ignore[assignment]
    return head


def classifier(tail: nn.Module) -> tuple[str, nn.Linear | nn.Conv2d]:
    """The layer of `tail` that gives the logits, with its name: its last linear or convolution.

    Raises LookupError where there is none.
    """
    layers = [(name, m) for name, m in tail.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    if not layers:
        raise LookupError("no linear layer or convolution gives the logits")
    return layers[-1]


def _linear(m: Any, inputs: Scale, outputs: Scale) -> nn.Module:
    return nn.Linear(inputs(m.in_features), outputs(m.out_features), m.bias is not None)


def _convolution(m: Any, inputs: Scale, outputs: Scale) -> nn.Module:
    groups = inputs(m.groups) if m.groups == m.in_channels else m.groups
    shape = {"stride": m.stride, "padding": m.padding, "dilation": m.dilation}
    return nn.Conv2d(
        inputs(m.in_channels),
        outputs(m.out_channels),
        m.kernel_size,
        groups=groups,
        bias=m.bias is not None,
        **shape,
    )


def _batch_norm(m: Any, inputs: Scale, outputs: Scale) -> nn.Module:
    shape = (inputs(m.num_features), m.eps, m.momentum, m.affine, m.track_running_stats)
    return nn.BatchNorm1d(*shape) if type(m).__name__ == "BatchNorm1d" else nn.BatchNorm2d(*shape)


def _layer_norm(m: Any, inputs: Scale, outputs: Scale) -> nn.Module:
    norm: nn.Module = type(m)([inputs(size) for size in m.normalized_shape], m.eps, m.elementwise_affine)
    return norm


_BUILD: Mapping[str, Callable[[Any, Scale, Scale], nn.Module]] = {
    "Linear": _linear,
    "Conv2d": _convolution,
    "BatchNorm1d": _batch_norm,
    "BatchNorm2d": _batch_norm,
    "LayerNorm": _layer_norm,
    "LayerNorm2d": _layer_norm,  # torchvision's, over channels
}
"""How the layers whose size follows the channels are built anew, by the names of their types."""


def _channels(shape: torch.Size) -> int:
    """Channels of one image's features: (C, H, W), (H, W, C) as transformers have them, or (C,)."""
    # Feature maps of square images are square: the side that occurs once counts the channels.
    sides = list(shape)
    return next((side for side in sides if sides.count(side) == 1), sides[0])


def _outputs(layer: nn.Linear | nn.Conv2d) -> int:
    return layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels
