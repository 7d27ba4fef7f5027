"""Stand-ins of published weights: files in the layout of their libraries, where these have them."""

from pathlib import Path

import torch
from torch import nn
from torchvision.models import get_model

from natv2.baselines.weights_files import WeightsFile

NETWORK = "shufflenet_v2_050"
PUBLISHED_NAME = "shufflenetv2_x0.5-f707e7126e.pth"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def published(seed: int = 0) -> nn.Module:
    """The network as torchvision builds it, for 1,000 classes, with weights drawn for `seed`."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network: nn.Module = get_model("shufflenet_v2_x0_5")
    return network


def write_weights(path: Path, seed: int = 0) -> Path:
    """`published` in a file as torchvision's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(published(seed).state_dict(), path)
    return path


def given(path: Path, sha256: str = "0" * 64, network: str = NETWORK) -> WeightsFile:
    """The file at `path` as it is found."""
    return WeightsFile(network=network, path=path, sha256=sha256, mean=MEAN, std=STD)
