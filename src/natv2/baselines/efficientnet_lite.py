"""EfficientNet-Lite0, and its published weights by the names that they have there.

It is EfficientNet-B0 (Tan and Le, 2019, table 1) without squeeze-and-excitation, with ReLU6 for swish.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.functional import pad

from natv2.errors import UserError
from natv2.images.datasets import Channels

MEAN: Channels = (127 / 255,) * 3
STD: Channels = (128 / 255,) * 3
"""The normalisation that the published weights know the most images by (docs/baselines.md)."""


class Stage(NamedTuple):
    """Blocks of one kind; only the first of them has the stride."""

    expansion: int
    channels: int
    blocks: int
    stride: int
    kernel: int


_STEM, _HEAD = 32, 1280
_STAGES = (
    Stage(expansion=1, channels=16, blocks=1, stride=1, kernel=3),
    Stage(expansion=6, channels=24, blocks=2, stride=2, kernel=3),
    Stage(expansion=6, channels=40, blocks=2, stride=2, kernel=5),
    Stage(expansion=6, channels=80, blocks=3, stride=2, kernel=3),
    Stage(expansion=6, channels=112, blocks=3, stride=1, kernel=5),
    Stage(expansion=6, channels=192, blocks=4, stride=2, kernel=5),
    Stage(expansion=6, channels=320, blocks=1, stride=1, kernel=3),
)
_DROPOUT = 0.2

_ENDS = {
    "_conv_stem": "stem.conv",
    "_bn0": "stem.norm",
    "_conv_head": "head.conv",
    "_bn1": "head.norm",
    "_fc": "classifier",
}
_IN_BLOCKS = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}
_PUBLISHED = re.compile(r"(?:_blocks\.(\d+)\.)?(\w+)\.(\w+)")


class SameConv(nn.Conv2d):
    """A convolution, padded as TensorFlow does: what is odd goes to the right and to the bottom."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, channels, H / stride, W / stride), rounded up."""
        rows, columns = (self._missing(side, axis) for axis, side in enumerate(x.shape[2:]))
        padded = pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        y: Tensor = self._conv_forward(padded, self.weight, self.bias)
        return y

    def _missing(self, side: int, axis: int) -> int:
        """Pixels that a side of so many lacks."""
        stride = self.stride[axis]
        return max(0, (-(-side // stride) - 1) * stride + self.kernel_size[axis] - side)


def _unit(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, linear: bool = False
) -> nn.Sequential:
    """Convolution, batch norm with TensorFlow's epsilon and, unless it is `linear`, ReLU6."""
    parts: OrderedDict[str, nn.Module] = OrderedDict(
        conv=SameConv(inputs, outputs, kernel, stride, groups=groups, bias=False),
        norm=nn.BatchNorm2d(outputs, eps=1e-3),
    )
    if not linear:
        parts["act"] = nn.ReLU6(inplace=True)
    return nn.Sequential(parts)


class Block(nn.Module):
    """Expand, filter each channel, project; its input is added where it has the same shape."""

    def __init__(self, inputs: int, stage: Stage, stride: int) -> None:
        super().__init__()
        middle = inputs * stage.expansion
        self.added = stride == 1 and inputs == stage.channels
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        if stage.expansion > 1:
            parts["expand"] = _unit(inputs, middle)
        parts["depthwise"] = _unit(middle, middle, stage.kernel, stride, groups=middle)
        parts["project"] = _unit(middle, stage.channels, linear=True)
        self.body = nn.Sequential(parts)

    def forward(self, x: Tensor) -> Tensor:
        """Map feature maps (N, inputs, H, W) to (N, channels, H / stride, W / stride)."""
        y: Tensor = self.body(x)
        return x + y if self.added else y


class EfficientNetLite0(nn.Module):
    """Stem, sixteen blocks, head, classifier."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.stem = _unit(3, _STEM, 3, 2)
        blocks, inputs = list[Block](), _STEM
        for stage in _STAGES:
            for number in range(stage.blocks):
                blocks.append(Block(inputs, stage, stage.stride if number == 0 else 1))
                inputs = stage.channels
        self.blocks = nn.Sequential(*blocks)
        self.head = _unit(inputs, _HEAD)
        self.dropout = nn.Dropout(_DROPOUT)
        self.classifier = nn.Linear(_HEAD, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to logits (N, classes)."""
        features = self.head(self.blocks(self.stem(x))).mean(dim=(2, 3))
        logits: Tensor = self.classifier(self.dropout(features))
        return logits


def own_names(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Published tensors by the names that they have in `EfficientNetLite0`.

    Raises UserError at a name that the published layout does not have.
    """
    return {_own_name(name): tensor for name, tensor in published.items()}


def _own_name(name: str) -> str:
    found = _PUBLISHED.fullmatch(name)
    block, part, tensor = found.groups() if found else (None, "", "")
    own = (_ENDS if block is None else _IN_BLOCKS).get(part)
    if own is None:
        raise UserError(f"{name} is no tensor of EfficientNet-Lite0")
    return f"{own}.{tensor}" if block is None else f"blocks.{block}.body.{own}.{tensor}"
