"""A supernet's training step against the same networks as eager PyTorch trains them: plain layers, NCHW.

    python -m benchmarks.training_step [--supernet OFAMobileNetV3] [--rounds 5] [--resolution 64]

The largest network and random architectures of width 1.0, 200 classes, batches of 32, one thread. A step
is forward, backward and the optimiser's step for one architecture; eager networks hold the same weights
in `nn.Conv2d` layers, contiguous. The two sides alternate in one process, each first as often as second.
The aim: a ratio of at most 0.45.
"""

import argparse
from statistics import median

import torch
from torch import nn

from benchmarks.elastic_step import stepper
from natv2.randomness import numpy_generator
from natv2.shrinking.phases import sample
from natv2.spaces import DESIGNS, Architecture, Choices
from natv2.supernets import Network, Supernet
from natv2.supernets.depthwise import DepthwiseConv2d

ARCHITECTURES, BATCH, CLASSES, WIDTH = 9, 32, 200, 1.0


def eager(network: Network) -> Network:
    """`network` in training, with torch's depthwise layers and memory laid out as torch does by default."""
    for module in list(network.modules()):
        for name, layer in list(module.named_children()):
            if isinstance(layer, DepthwiseConv2d):
                plain = nn.Conv2d(
                    layer.in_channels,
                    layer.out_channels,
                    layer.kernel_size,  # type: ignore[arg-type]
                    stride=layer.stride,  # type: ignore[arg-type]
                    padding=layer.padding,  # type: ignore[arg-type]
                    groups=layer.groups,
                    bias=False,
                )
                plain.weight = layer.weight
                setattr(module, name, plain)
    for parameter in network.parameters():
        # Not `contiguous()`: a 1x1 kernel counts as that already, and keeps its channels-last strides.
        parameter.data = parameter.data.clone(memory_format=torch.contiguous_format)
    return network.train()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--supernet", default="OFAMobileNetV3", choices=DESIGNS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--resolution", type=int, default=64)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    design, resolution = DESIGNS[arguments.supernet], arguments.resolution
    supernet = Supernet(design, WIDTH, CLASSES).to(memory_format=torch.channels_last)
    random = sample(
        design,
        Choices.everything(design),
        ARCHITECTURES,
        resolution=resolution,
        width=WIDTH,
        generator=numpy_generator(0, "architectures"),
    )
    architectures: list[Architecture] = [supernet.largest(resolution), *random]
    images = torch.randn(BATCH, 3, resolution, resolution)
    labels = torch.randint(CLASSES, (BATCH,))
    inputs = (images.contiguous(memory_format=torch.channels_last), images)
    sides = []
    for a in architectures:
        network = eager(supernet.subnet(a))
        ours = stepper(supernet, lambda x, a=a: supernet(x, a)[-1])  # type: ignore[misc]
        sides.append((ours, stepper(network, lambda x, n=network: n(x)[-1])))  # type: ignore[misc]
    times: list[tuple[list[float], list[float]]] = [([], []) for _ in sides]
    for turn in range(-1, arguments.rounds):  # the first one warms up
        for index, pair in enumerate(sides):
            for side in (0, 1) if (turn + index) % 2 else (1, 0):
                seconds = pair[side](inputs[side], labels)
                if turn >= 0:
                    times[index][side].append(seconds)
    for a, (ours_s, theirs_s) in zip(architectures, times, strict=True):
        name = "largest" if a == architectures[0] else "random "
        print(f"{name}  ours {1e3 * median(ours_s):6.1f} ms   eager NCHW {1e3 * median(theirs_s):6.1f} ms")
    ratios = [mine / theirs for both in times for mine, theirs in zip(*both, strict=True)]
    whole = [sum(median(both[side]) for both in times) for side in (0, 1)]
    print(f"{arguments.supernet}: {len(ratios)} pairs, median ratio {median(ratios):.3f}")
    print(f"of the sums of the architectures' medians: {whole[0] / whole[1]:.3f}")


if __name__ == "__main__":
    main()
