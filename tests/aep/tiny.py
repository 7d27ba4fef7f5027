"""Networks small enough for many tests in little time."""

import torch
from torch import Tensor, nn

from natv2.aep.network.multi_exit import MultiExitNetwork, with_exits


class TinyNetwork(nn.Module):
    """A person's own network: four blocks, pooling and a hidden layer."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        channels = [3, 4, 6, 8, 12]
        self.blocks = nn.Sequential(
            *(self.block(channels[i], channels[i + 1], 1 + i % 2) for i in range(4)),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Sequential(
            nn.Linear(12, 24), nn.ReLU(inplace=True), nn.Dropout(0.2), nn.Linear(24, classes)
        )

    @staticmethod
    def block(inputs: int, outputs: int, stride: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.flatten(self.pool(self.blocks(x)), 1))


NAMES = tuple(f"blocks.{i}" for i in range(4))


def tiny(classes: int = 4, seed: int = 0) -> MultiExitNetwork:
    """TinyNetwork with four exits, its norms away from their neutral values."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = with_exits(TinyNetwork(classes), NAMES, 16)
        with torch.no_grad():
            for module in network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.running_mean.normal_(0, 0.2)
                    module.running_var.uniform_(0.5, 2)
    return network
