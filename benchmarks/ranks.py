"""Two ranks of one thread against one rank, of one thread and of two: a training step, an archive.

    python -m benchmarks.ranks [--rounds 10] [--networks 60]

EE_D's largest network with all its exits at width 1.0, 64 px, batch 128, fp32; and the true evaluation of
random architectures of it, 200 calibration and 500 validation images. The sides take turns in one process;
the second rank stands ready beside it, and waits while the other side computes. Aims: 1.7 times the steps of
one thread; 0.56 of the time of one for an archive of 300.
"""

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

import cloudpickle  # type: ignore[import-untyped]
import torch

from benchmarks.configs import parameters
from benchmarks.turns import CLASSES, Side, in_turns, random_architectures, random_images, summary, timed
from natv2.costs.latency import with_threads
from natv2.exits.weightings import exit_weights
from natv2.images.batches import Epochs, calibration_batches, evaluation_batches
from natv2.images.config import CalibrationConfig
from natv2.images.image_set import ImageSplits
from natv2.ranks.group import RankGroup, Wanted
from natv2.ranks.together import together, use
from natv2.ranks.world import apart
from natv2.spaces.design import DESIGNS
from natv2.supernets.supernet import Supernet
from natv2.training.evaluation import Evaluator
from natv2.training.loop import fit
from natv2.training.schedule import RateSchedule
from natv2.training.state_store import StateStore
from natv2.training.steps import joint_step

BATCH, STEPS = 128, 4
NAME = "EE_D_OFAMobileNetV3"


def alone(side: Side, threads: int) -> Side:
    """`side` without the other rank, with so many threads."""

    def run() -> float:
        with apart(), with_threads(threads):
            return side()

    return run


def steps(supernet: Supernet, images: ImageSplits, folder: Path) -> Side:
    weights = exit_weights("DESC", 5)
    largest = supernet.largest(64)
    step = joint_step(supernet, lambda *_: largest, weights.loss, label_smoothing=0.1)
    numbers = iter(range(10**6))

    def work() -> None:
        fit(
            supernet,
            step,
            Epochs(images, images.train, BATCH, 0, "benchmark"),
            optimiser=parameters().eps,
            schedule=RateSchedule(lr=1e-4, epochs=1),
            precision="fp32",
            store=StateStore(folder / str(next(numbers))),
        )

    return timed(work)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--networks", type=int, default=60)
    arguments = parser.parse_args()
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    torch.set_num_threads(1)
    images = random_images(BATCH * STEPS, 500)
    supernet = Supernet(DESIGNS[NAME], 1.0, CLASSES).to(memory_format=torch.channels_last)
    with tempfile.TemporaryDirectory() as folder:
        use(RankGroup(Wanted(ranks=2, device="cpu", threads=1, folder=Path(folder))))
        together(int)  # both are there
        ours = steps(supernet, images, Path(folder))
        for threads in (1, 2):
            (times,) = in_turns([(ours, alone(ours, threads))], arguments.rounds)
            print(
                f"{STEPS} steps, two ranks against one of {threads} threads: {summary([times])}", flush=True
            )
        networks = [
            network
            for size in (48, 56, 64)
            for network in random_architectures(DESIGNS[NAME], arguments.networks // 3, size, 1.0)
        ]
        evaluator = Evaluator(
            calibration=calibration_batches(images, CalibrationConfig(images=200, batch_size=100), 0),
            images=evaluation_batches(images, images.valid, 250),
        )
        evaluate = timed(partial(evaluator.accuracies, {1.0: supernet}, networks, "benchmark"))
        (times,) = in_turns([(evaluate, alone(evaluate, 1))], max(1, arguments.rounds // 4))
        print(f"{len(networks)} networks, two ranks against one of 1 thread: {summary([times])}")
        use(None)


if __name__ == "__main__":
    main()
