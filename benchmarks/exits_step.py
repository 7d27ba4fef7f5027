"""A training step of MobileNetV3-Small with four exits against the same network with its last one alone.

    python -m benchmarks.exits_step [--network NAME] [--resolution 64] [--batch 64] [--rounds 20]

The step of a training: forward, joint loss, backward, losses and accuracies counted, Adam's step; channels-
last, one thread; the two sides alternate in one process, each first as often as second. Beside the ratio
stands that of their MACs. The aim: at most 1.15.
"""

import argparse
import copy
from statistics import median

import torch

from benchmarks.configs import parameters
from benchmarks.turns import Side, in_turns, summary, timed
from natv2.aep.costs import mac_costs
from natv2.aep.joint_training import Meters
from natv2.aep.network.backbones import multi_exit_network
from natv2.aep.network.multi_exit import MultiExitNetwork
from natv2.exits.weightings import exit_weights
from natv2.training.distillation import joint_loss
from natv2.training.optimiser import make_optimiser

CLASSES = 10


def training(network: MultiExitNetwork, images: torch.Tensor, labels: torch.Tensor) -> Side:
    network = copy.deepcopy(network).to(memory_format=torch.channels_last).train()
    aep = parameters().aep
    optimiser = make_optimiser(network, aep, aep.lr)
    weights = exit_weights("MIX", len(network.exits))
    seen = Meters(network.exits, weights)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        logits = network(images)
        joint_loss(logits, labels, weights.loss, label_smoothing=0.0).backward()
        seen.add([output.detach() for output in logits], labels)
        optimiser.step()

    return timed(step)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--network", default="mobilenet_v3_small")
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network, _ = multi_exit_network(options.network, CLASSES, resolution=options.resolution)
    images = torch.randn(options.batch, 3, options.resolution, options.resolution)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(CLASSES, (options.batch,))
    alone = network.exits[-1:]
    pair = (training(network, images, labels), training(network.keep(alone), images, labels))
    times = in_turns([pair], options.rounds)
    ((ours, theirs),) = times
    macs = mac_costs(network, options.resolution)
    print(f"all exits {1e3 * median(ours):.1f} ms   last exit {1e3 * median(theirs):.1f} ms")
    print(f"{options.network}, {options.resolution} px: {summary(times)}")
    print(f"ratio of MACs: {macs.of(network.exits) / macs.of(alone):.3f}")


if __name__ == "__main__":
    main()
