"""The constant combinations of a supernet evaluated together, against each extracted network by itself.

    python -m benchmarks.constant_combinations [--supernet EE_D_OFAMobileNetV3] [--images 1000]

All constant combinations (405 of EE_D) at 48, 56 and 64 pixels, width 1.0, 200 classes, one thread, 200
calibration and 1,000 test images: a tenth of the thesis's 2,000 and 10,000. Ours evaluates those of a size
together; one by one each is extracted, its batch norms recalibrated and its accuracy taken, in
channels-last: in torch's own layers, and in ours, which record and test faster too. To save time only every
8th of them, other ones each turn, is taken one by one: these meet all values alike. The sides take turns,
size by size, and the accuracies are compared (which says little of untrained networks;
tests/training/test_evaluation.py says more). What counts is the time of all turns. The aim: 0.2 of one by
one in torch's layers.
"""

import argparse
import time
from collections.abc import Sequence
from itertools import product

import numpy as np
import torch
from torch import Tensor

from benchmarks.turns import CLASSES, plain, random_images
from natv2.exits.weightings import exit_weights
from natv2.images.batches import Batch, calibration_batches, evaluation_batches
from natv2.images.config import CalibrationConfig
from natv2.spaces.choices import Choices, combinations
from natv2.spaces.design import DESIGNS
from natv2.supernets.network import Network
from natv2.supernets.supernet import Supernet
from natv2.training.evaluation import Evaluator, top1

EVERY, TURNS, WIDTH = 8, 3, 1.0
CALIBRATION = CalibrationConfig(images=200, batch_size=200)
RESOLUTIONS = (48, 56, 64)


def recalibrate(network: Network, batches: Sequence[Tensor]) -> None:
    """Recalibrate one extracted network as any module is: its own batch norms average."""
    network.train()
    for norm in network.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.reset_running_stats()
            norm.momentum = None
    with torch.inference_mode():
        for x in batches:
            network(x)


def alone(network: Network, evaluator: Evaluator) -> float:
    """Top-1 of one extracted network, recalibrated."""
    size = network.architecture.resolution
    recalibrate(network, [batch.at(size) for batch in evaluator.calibration])
    return top1(network, evaluator.images)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--supernet", default="EE_D_OFAMobileNetV3", choices=DESIGNS)
    parser.add_argument("--images", type=int, default=1000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    images = random_images(CALIBRATION.images, arguments.images)
    design = DESIGNS[arguments.supernet]
    supernet = Supernet(design, WIDTH, CLASSES).to(memory_format=torch.channels_last)
    batches: list[Batch] = list(evaluation_batches(images, images.valid, 250))
    evaluator = Evaluator(
        calibration=calibration_batches(images, CALIBRATION, 0),
        images=batches,
        exit_weights=exit_weights("DESC", len(design.exits)).output,
    )
    for resolution in RESOLUTIONS:  # both sides find the images rendered
        for batch in [*batches, *evaluator.calibration]:
            batch.at(resolution)
    seconds = np.zeros(3)
    for turn, resolution in product(range(TURNS), RESOLUTIONS):
        networks = combinations(design, Choices.everything(design), resolutions=[resolution], width=WIDTH)
        start = time.perf_counter()
        together = evaluator.accuracies({WIDTH: supernet}, networks, "together")
        took = time.perf_counter() - start
        part = list(range(EVERY * turn // TURNS, len(networks), EVERY))
        singly, same = [], []
        for layers in (plain, lambda network: network):
            start = time.perf_counter()
            single = [alone(layers(supernet.subnet(networks[index])), evaluator) for index in part]
            singly.append((time.perf_counter() - start) * len(networks) / len(part))
            same.append(100 * np.mean(np.asarray(single) == together[part]))
        seconds += [took, *singly]
        print(
            f"{resolution} px  together {took:6.1f} s   one by one ({len(part)} of {len(networks)}) "
            f"{singly[0]:6.1f} s in torch's layers, {singly[1]:6.1f} s in ours   "
            f"{same[0]:.0f} and {same[1]:.0f} % of the accuracies equal",
            flush=True,
        )
    print(
        f"{arguments.supernet}: {seconds[0] / TURNS:.1f} s, {seconds[0] / seconds[1]:.3f} of torch's layers, "
        f"{seconds[0] / seconds[2]:.3f} of ours"
    )


if __name__ == "__main__":
    main()
