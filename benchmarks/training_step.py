"""A supernet's training step against the same networks as eager PyTorch trains them: plain layers, NCHW.

    python -m benchmarks.training_step [--rounds 3] [--batch 128] [--resolution 64]

The largest network and random architectures of width 1.0, 200 classes, one thread. A step
is forward, backward and the optimiser's step for one architecture; eager networks hold the same weights
in torch's own layers, contiguous. The two sides alternate in one process, each first as often as second.
The aim: a ratio of at most 0.45.
"""

import argparse
from statistics import median

import torch

from benchmarks.elastic_step import elastic
from benchmarks.turns import CLASSES, Side, in_turns, plain, random_architectures, summary, training_step
from natv2.spaces.architecture import Architecture
from natv2.spaces.design import DESIGNS
from natv2.supernets.network import Network
from natv2.supernets.supernet import Supernet

ARCHITECTURES, WIDTH = 9, 1.0


def eager(network: Network) -> Network:
    """`network` in training, with torch's own layers and memory laid out as torch does by default."""
    for parameter in plain(network).parameters():
        # Not `contiguous()`: a 1x1 kernel counts as that already, and keeps its channels-last strides.
        parameter.data = parameter.data.clone(memory_format=torch.contiguous_format)
    return network.train()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--supernet", default="OFAMobileNetV3", choices=DESIGNS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--resolution", type=int, default=64)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    design, resolution = DESIGNS[arguments.supernet], arguments.resolution
    supernet = Supernet(design, WIDTH, CLASSES).to(memory_format=torch.channels_last)
    images = torch.randn(arguments.batch, 3, resolution, resolution)
    channels_last = images.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(CLASSES, (arguments.batch,))

    def theirs(architecture: Architecture) -> Side:
        network = eager(supernet.subnet(architecture))
        return training_step(network, lambda x: network(x)[-1], images, labels)

    architectures = [
        supernet.largest(resolution),
        *random_architectures(design, ARCHITECTURES, resolution, WIDTH),
    ]
    pairs = [(elastic(supernet, a, channels_last, labels), theirs(a)) for a in architectures]
    times = in_turns(pairs, arguments.rounds)
    for a, (ours_s, theirs_s) in zip(architectures, times, strict=True):
        name = "largest" if a == architectures[0] else "random "
        print(f"{name}  ours {1e3 * median(ours_s):6.1f} ms   eager NCHW {1e3 * median(theirs_s):6.1f} ms")
    print(f"{arguments.supernet}: {summary(times)}")


if __name__ == "__main__":
    main()
