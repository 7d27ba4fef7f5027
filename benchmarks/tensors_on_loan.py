"""A training step of a subnet whose tensors go straight to their places, against torch's `functional_call`.

    python -m benchmarks.tensors_on_loan [--width 0.35] [--resolution 32] [--batch 64] [--rounds 12]

EE_D's largest network with all its exits, one thread, channels-last. Both sides are the same supernet:
`Slots` knows the places of a piece's tensors, `functional_call` looks them up at each call. They take turns
in one process; what is told is processor time.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor
from torch.func import functional_call

from natv2.exits.weightings import exit_weights
from natv2.nn.layers import track_statistics
from natv2.spaces.architecture import Architecture
from natv2.spaces.design import DESIGNS
from natv2.supernets.network import Network
from natv2.supernets.supernet import Supernet
from natv2.training.distillation import joint_loss

NAME, CLASSES = "EE_D_OFAMobileNetV3", 10


def looked_up(supernet: Supernet, x: Tensor, architecture: Architecture) -> tuple[Tensor, ...]:
    """What `supernet(x, architecture)` gives, its tensors put in by torch."""
    design, parts = supernet.design, supernet._parts
    network = Network(design, architecture, supernet.classes, supernet.dropout, parts)
    network.train()
    track_statistics(network, False)
    logits: tuple[Tensor, ...] = functional_call(network, supernet.weights(network), x, tie_weights=False)
    return logits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--width", type=float, default=0.35)
    parser.add_argument("--resolution", type=int, default=32)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=12)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    supernet = Supernet(DESIGNS[NAME], arguments.width, CLASSES).to(memory_format=torch.channels_last).train()
    network, weights = supernet.largest(arguments.resolution), exit_weights("DESC", 5).loss
    images = torch.randn(arguments.batch, 3, arguments.resolution, arguments.resolution)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(CLASSES, (arguments.batch,))
    optimiser = torch.optim.SGD(supernet.parameters(), lr=1e-3, momentum=0.9)

    def step(logits: Callable[[Tensor], tuple[Tensor, ...]]) -> float:
        start = time.process_time()
        optimiser.zero_grad(set_to_none=True)
        joint_loss(logits(images), labels, weights, label_smoothing=0.1).backward()
        optimiser.step()
        return time.process_time() - start

    sides = (lambda x: supernet(x, network), lambda x: looked_up(supernet, x, network))
    seconds: tuple[list[float], list[float]] = ([], [])
    for turn in range(-1, arguments.rounds):
        for side in (0, 1) if turn % 2 else (1, 0):
            took = step(sides[side])
            if turn >= 0:
                seconds[side].append(took)
    ratio = median(ours / theirs for ours, theirs in zip(*seconds, strict=True))
    ours, theirs = (1e3 * median(each) for each in seconds)
    told = f"{arguments.rounds} pairs, median ratio {ratio:.3f}"
    print(f"straight {ours:.1f} ms, looked up {theirs:.1f} ms, {told}")


if __name__ == "__main__":
    main()
