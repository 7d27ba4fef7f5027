"""What plain networks of the same size reach with as much training, beside those that a search finds.

    python -m benchmarks.plain_networks --dataset fashion_mnist --per-class 300 --epochs 60 [--resolution 32]

ResNet-20 and two small networks of torchvision, from nothing, on the training images of a data set, each at
one resolution, with SGD and a cosine. Printed are parameters, MACs, the validation top-1 behind the last
epoch and the test top-1, read once. The images are those a search with the same parameters would see.
"""

import argparse
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad
from torch.utils.flop_counter import FlopCounterMode

from natv2.images.batches import Batch, Epochs, evaluation_batches
from natv2.images.image_set import ImageSet, ImageSplits
from natv2.images.loading import load_images
from natv2.training.config import SGDConfig
from natv2.training.loop import backward, fit
from natv2.training.schedule import RateSchedule
from natv2.training.state_store import StateStore


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
        shortcut = pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        return torch.relu(self.body(x) + shortcut)


def resnet20(num_classes: int) -> nn.Module:
    """He et al. (2015), section 4.2: three stages of three blocks with 16, 32 and 64 channels."""
    channels = [16, 16, 16, 16, 32, 32, 32, 64, 64, 64]
    blocks = [Residual(a, b, 1 + (a < b)) for a, b in pairwise(channels)]
    stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, num_classes))


NETWORKS: Mapping[str, Callable[..., nn.Module]] = {
    "ResNet-20": resnet20,
    "MobileNetV3-Small, width 0.5": partial(torchvision.models.mobilenet_v3_small, width_mult=0.5),
    "ShuffleNetV2, width 0.5": torchvision.models.shufflenet_v2_x0_5,
}


def accuracy(network: nn.Module, images: ImageSplits, part: ImageSet, resolution: int) -> float:
    """Top-1 in per cent."""
    network.eval()
    with torch.inference_mode():
        hits = [
            (network(batch.at(resolution)).argmax(dim=1) == batch.labels).sum()
            for batch in evaluation_batches(images, part, 500)
        ]
    return 100 * int(torch.stack(hits).sum()) / len(part)


def train(network: nn.Module, images: ImageSplits, options: argparse.Namespace, folder: Path) -> None:
    """SGD, momentum, decay and cosine of the search, at a rate that suits a start from nothing."""

    def step(batch: Batch, epoch: int, index: int) -> Tensor:
        network.train()
        return backward(cross_entropy(network(batch.at(options.resolution)), batch.labels))

    fit(
        network,
        step,
        Epochs(images, images.train, 64, options.seed, "plain"),
        optimiser=SGDConfig(momentum=0.9, weight_decay=3e-4, max_gradient_norm=None),
        schedule=RateSchedule(lr=0.05, epochs=options.epochs),
        precision="auto",
        store=StateStore(folder, "plain"),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--dataset", default="fashion_mnist")
    parser.add_argument("--path", type=Path)
    parser.add_argument("--per-class", type=int, default=300)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--resolution", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    images = load_images(
        options.dataset,
        raw=options.path or Path("data/01_raw") / options.dataset,
        store=Path("data/02_intermediate"),
        resolution=options.resolution,
        per_class=options.per_class,
    )
    print("| network | parameters | MACs | validation top-1 | test top-1 |\n|---|---|---|---|---|")
    for name, make in NETWORKS.items():
        torch.manual_seed(options.seed)
        network = make(num_classes=len(images.class_names)).to(memory_format=torch.channels_last)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network.eval()(torch.zeros(1, 3, options.resolution, options.resolution))
        with tempfile.TemporaryDirectory() as folder:
            train(network, images, options, Path(folder))
        valid, test = (accuracy(network, images, p, options.resolution) for p in (images.valid, images.test))
        parameters = sum(parameter.numel() for parameter in network.parameters())
        macs = counter.get_total_flops() // 2
        print(f"| {name} | {parameters:,} | {macs / 1e6:.2f} M | {valid:.2f} | {test:.2f} |", flush=True)


if __name__ == "__main__":
    main()
