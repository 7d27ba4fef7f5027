"""The true evaluation of an archive together, against each extracted network by itself.

    python -m benchmarks.archive_evaluation [--supernet EE_D_OFAMobileNetV3] [--images 1000]

300 random architectures of the thesis's space (five sizes, widths 1.0 and 1.2, 100 classes), 200 calibration
and 1,000 validation images: a fifth of the thesis's, one thread. Ours evaluates those of a size and width
together; one by one each is extracted, its batch norms recalibrated and its accuracy taken, with torch's
own layers, in NCHW and in channels-last. To save time only every 6th of them is taken one by one. The sides
take turns, group by group, and the accuracies are compared. The aims: 0.4 of NCHW, 0.6 of channels-last.
"""

import argparse
import time
from itertools import product

import numpy as np
import torch

from benchmarks.constant_combinations import recalibrate
from benchmarks.training_step import eager
from benchmarks.turns import plain, random_images
from natv2.images.batches import calibration_batches, evaluation_batches
from natv2.images.config import CalibrationConfig
from natv2.spaces.architecture import Architecture
from natv2.spaces.design import DESIGNS
from natv2.spaces.space import SearchSpace
from natv2.supernets.network import Network
from natv2.supernets.supernet import Supernet
from natv2.training.evaluation import Evaluator

ARCHIVE, CLASSES, EVERY = 300, 100, 6
CALIBRATION = CalibrationConfig(images=200, batch_size=200)
RESOLUTIONS, WIDTHS = (48, 52, 56, 60, 64), (1.0, 1.2)


def alone(network: Network, evaluator: Evaluator, layout: torch.memory_format) -> float:
    """Top-1 of one network, recalibrated as any module is: its own batch norms average."""
    size = network.architecture.resolution
    recalibrate(network, [batch.at(size).contiguous(memory_format=layout) for batch in evaluator.calibration])
    network.eval()
    hits, images = 0, 0
    with torch.inference_mode():
        for batch in evaluator.images:
            (logits,) = network(batch.at(size).contiguous(memory_format=layout))
            hits += int((logits.argmax(dim=1) == batch.labels).sum())
            images += len(batch)
    return hits / images


def timed(networks: list[Architecture], evaluate) -> tuple[float, list[float]]:  # type: ignore[no-untyped-def]
    start = time.perf_counter()
    accuracies = [evaluate(architecture) for architecture in networks]
    return time.perf_counter() - start, accuracies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--supernet", default="EE_D_OFAMobileNetV3", choices=DESIGNS)
    parser.add_argument("--images", type=int, default=1000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    space = SearchSpace(design=DESIGNS[arguments.supernet], resolutions=RESOLUTIONS, widths=WIDTHS)
    codes = space.sample_architectures(ARCHIVE, np.random.default_rng(0))
    archive = [space.decode(code) for code in codes]
    family = {w: Supernet(space.design, w, CLASSES).to(memory_format=torch.channels_last) for w in WIDTHS}
    images = random_images(CALIBRATION.images, arguments.images, classes=CLASSES)
    evaluator = Evaluator(
        calibration=calibration_batches(images, CALIBRATION, 0),
        images=list(evaluation_batches(images, images.valid, 250)),
    )
    seconds = np.zeros(3)
    for size, width in product(RESOLUTIONS, WIDTHS):
        for batch in [*evaluator.images, *evaluator.calibration]:  # all sides find the images rendered
            batch.at(size)
        group = [a for a in archive if (a.resolution, a.width) == (size, width)]
        few = group[::EVERY]
        start = time.perf_counter()
        together = evaluator.accuracies(family, group, "together")
        took = time.perf_counter() - start
        subnet = family[width].subnet
        last, single = timed(few, lambda a: alone(plain(subnet(a)), evaluator, torch.channels_last))  # noqa: B023
        nchw, eagerly = timed(
            few,
            lambda a: alone(eager(subnet(a)), evaluator, torch.contiguous_format),  # noqa: B023
        )
        scale = len(group) / len(few)
        seconds += [took, last * scale, nchw * scale]
        same = np.mean(np.asarray(single) == together[::EVERY])
        apart = np.abs(np.asarray(eagerly) - together[::EVERY]).max()
        print(
            f"{size} px, width {width}: {len(group)} networks together {took:5.1f} s, one by one "
            f"{last * scale:6.1f} s in channels-last ({100 * same:.0f} % of the accuracies equal), "
            f"{nchw * scale:6.1f} s in NCHW (within {100 * apart:.2f} points)",
            flush=True,
        )
    print(
        f"{arguments.supernet}: {seconds[0]:.1f} s, {seconds[0] / seconds[1]:.3f} of channels-last, "
        f"{seconds[0] / seconds[2]:.3f} of NCHW"
    )


if __name__ == "__main__":
    main()
