"""What it takes to judge all ways to use the exits of an archive's paths, beside the pass through them.

    python -m benchmarks.exit_ways [--supernet EE_D_OFAMobileNetV3] [--networks 300] [--images 1000]

Random architectures of the thesis's space (five sizes, widths 1.0 and 1.2, 100 classes), 200 calibration
images, one thread. The pass runs all exits of each path and counts what each is right about; the other side
judges every set of exits, weighting and share that leaves early, with mean costs and what each path offers
beside. Both take turns, group by group of one size and width; the processor's time counts. The aim: 1.1.
"""

import argparse
import time
from collections.abc import Callable
from itertools import product

import numpy as np
import torch

from benchmarks.archive_evaluation import CALIBRATION, CLASSES, RESOLUTIONS, WIDTHS
from benchmarks.turns import random_images
from natv2.bar import quiet
from natv2.exits.variants import LEAVING
from natv2.exits.weightings import OUTPUT_WEIGHTINGS
from natv2.images.batches import calibration_batches, evaluation_batches
from natv2.objectives.constraints import UNCONSTRAINED
from natv2.objectives.costs import space_costs
from natv2.objectives.goal import Goal
from natv2.search.adaptation.subnets import offered_paths
from natv2.search.evaluated import Evaluation
from natv2.search.latency import NO_TABLE
from natv2.spaces.design import DESIGNS
from natv2.spaces.exit_codes import ExitWays
from natv2.spaces.space import Codes, SearchSpace
from natv2.supernets.supernet import Supernet
from natv2.training.collecting import CountRight
from natv2.training.evaluation import Evaluator
from natv2.training.exit_evaluation import WayScores, way_scores


class EachExit(CountRight):
    """Counts the right answers of every exit by itself."""

    def __call__(self, position: int, exit: int, logits: list[torch.Tensor]) -> None:
        self.count(position, logits)


class Subnets:
    """What the search asks, of supernets that are as they were made."""

    def __init__(self, evaluator: Evaluator, family: dict[float, Supernet], space: SearchSpace) -> None:
        self.evaluator, self.family, self.space = evaluator, family, space

    def way_scores(self, codes: Codes, name: str) -> list[WayScores]:
        return way_scores(self.evaluator, self.family, offered_paths(self.space, codes), name)


def taken(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--supernet", default="EE_D_OFAMobileNetV3", choices=DESIGNS)
    parser.add_argument("--networks", type=int, default=300)
    parser.add_argument("--images", type=int, default=1000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    space = SearchSpace(
        design=DESIGNS[arguments.supernet],
        resolutions=RESOLUTIONS,
        widths=WIDTHS,
        ways=ExitWays(weightings=OUTPUT_WEIGHTINGS, leaving=LEAVING),
    )
    archive = space.sample_architectures(arguments.networks, np.random.default_rng(0))
    family = {w: Supernet(space.design, w, CLASSES).to(memory_format=torch.channels_last) for w in WIDTHS}
    images = random_images(CALIBRATION.images, arguments.images, classes=CLASSES)
    evaluator = Evaluator(
        calibration=calibration_batches(images, CALIBRATION, 0),
        images=list(evaluation_batches(images, images.valid, 250)),
    )
    evaluation = Evaluation(
        space=space,
        subnets=Subnets(evaluator, family, space),  # type: ignore[arg-type]  # it is asked for nothing else
        costs_of=space_costs(space, CLASSES, NO_TABLE),
        goal=Goal(objectives=("accuracy", "mean_macs"), constraints=UNCONSTRAINED),
        by_ways=True,
    )
    seconds = np.zeros(2)
    for number, ((s, size), (w, width)) in enumerate(product(enumerate(RESOLUTIONS), enumerate(WIDTHS))):
        for batch in [*evaluator.images, *evaluator.calibration]:  # both sides find the images rendered
            batch.at(size)
        group = archive[(archive[:, 0] == s) & (archive[:, 1] == w)]
        paths = list(dict.fromkeys(offered_paths(space, group)))

        def alone(paths: list = paths) -> None:  # type: ignore[type-arg]
            evaluator.collected(family, paths, "pass", EachExit)

        def judged(group: Codes = group) -> None:
            evaluation.archive(group, 1, "ways")

        found = np.zeros(2)
        with quiet():
            for side in (0, 1) if number % 2 else (1, 0):
                found[side] = taken((alone, judged)[side])
        seconds += found
        told = f"pass {found[0]:.1f} s, all ways {found[1]:.1f} s"
        print(f"{size} px, width {width}: {len(group)} networks, {told}", flush=True)
    print(f"{arguments.supernet}: {seconds[0]:.1f} s, with all ways {seconds[1] / seconds[0]:.3f} of that")


if __name__ == "__main__":
    main()
