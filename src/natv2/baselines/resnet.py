"""ResNet-20 for small images (He et al., 2015, section 4.2)."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

_BLOCKS = 3  # a stage


class Residual(nn.Module):
    """Two 3x3 convolutions and a shortcut; where the shape changes, it is strided and padded (option A)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride, self.more = stride, outputs - inputs
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map feature maps (N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        shortcut = pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        return torch.relu(self.body(x) + shortcut)


def resnet20(num_classes: int, width_mult: float = 1.0) -> nn.Module:
    """Three stages of three blocks with 16, 32 and 64 channels, times `width_mult`."""
    stages = [round(channels * width_mult) for channels in (16, 32, 64)]
    channels = [stages[0]] + [each for each in stages for _ in range(_BLOCKS)]
    blocks = [Residual(a, b, 1 + (a < b)) for a, b in pairwise(channels)]
    stem = [nn.Conv2d(3, stages[0], 3, 1, 1, bias=False), nn.BatchNorm2d(stages[0]), nn.ReLU(inplace=True)]
    end = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(stages[-1], num_classes)]
    return nn.Sequential(*stem, *blocks, *end)
