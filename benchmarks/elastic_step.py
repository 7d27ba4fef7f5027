"""A supernet's training step against those of the same architectures as static modules.

    python -m benchmarks.elastic_step [--supernet OFAMobileNetV3] [--rounds 7] [--batch 128]

Random architectures of width 1.0 at 64 pixels, 200 classes, both sides channels-last, one thread. A
step is forward, backward and the optimiser's step for one architecture. The two sides alternate in one
process, each first as often as second. The aim: a ratio of at most 1.06.
"""

import argparse
from statistics import median

import torch
from torch import Tensor

from benchmarks.turns import CLASSES, Side, in_turns, random_architectures, summary, training_step
from natv2.spaces.architecture import Architecture
from natv2.spaces.design import DESIGNS
from natv2.supernets.supernet import Supernet

ARCHITECTURES, RESOLUTION, WIDTH = 10, 64, 1.0


def elastic(supernet: Supernet, architecture: Architecture, images: Tensor, labels: Tensor) -> Side:
    """A step of `architecture` inside `supernet`, by its deepest exit."""
    return training_step(supernet, lambda x: supernet(x, architecture)[-1], images, labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--supernet", default="OFAMobileNetV3", choices=DESIGNS)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int, default=128)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    design = DESIGNS[arguments.supernet]
    supernet = Supernet(design, WIDTH, CLASSES).to(memory_format=torch.channels_last)
    images = torch.randn(arguments.batch, 3, RESOLUTION, RESOLUTION)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(CLASSES, (arguments.batch,))

    def static(architecture: Architecture) -> Side:
        network = supernet.subnet(architecture).train()
        return training_step(network, lambda x: network(x)[-1], images, labels)

    architectures = random_architectures(design, ARCHITECTURES, RESOLUTION, WIDTH)
    pairs = [(elastic(supernet, a, images, labels), static(a)) for a in architectures]
    times = in_turns(pairs, arguments.rounds)
    for ours, theirs in times:
        print(f"elastic {1e3 * median(ours):6.1f} ms   static {1e3 * median(theirs):6.1f} ms")
    print(f"{arguments.supernet}: {summary(times)}")


if __name__ == "__main__":
    main()
