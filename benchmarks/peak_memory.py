"""Peak memory of a supernet's training and of the tests of its subnets against what is computed for it.

    python -m benchmarks.peak_memory [--case SUPERNET WIDTH RESOLUTION BATCH PHASE]

Each case has two processes: one trains for three steps of a phase, with its teacher, the other tests ten
probes with 400 calibrating and 500 other images. Peaks are those of `getrusage`, less what the process had
before. The aim: none is above what is computed, and no training's below the least of it.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from benchmarks.configs import parameters
from natv2.images.augmentation import Augmentation
from natv2.images.image_set import ImageSet, ImageSplits
from natv2.run import Run
from natv2.shrinking.accuracy import evaluator
from natv2.shrinking.config import Training
from natv2.shrinking.needs import training_memory
from natv2.shrinking.probes import probe_subnets
from natv2.shrinking.train import train_phase
from natv2.supernets.supernet import Supernet
from natv2.training.state_store import StateStore
from natv2.training.supernet_needs import SupernetSize

CASES = (
    ("SE_B_OFAMobileNetV3", "1.0", "64", "200", "full"),
    ("EE_D_OFAMobileNetV3", "1.0", "64", "200", "full"),
    ("EE_D_OFAMobileNetV3", "1.2", "64", "200", "width_2"),
    ("EE_DP_OFAMobileNetV3", "1.0", "64", "100", "full"),
    ("SE_P_OFAMobileNetV3", "1.0", "128", "50", "full"),
    ("EE_D_OFAMobileNetV3", "1.0", "224", "20", "full"),
)
STEPS, CLASSES = 3, 200
RUN = Run(device="cpu", precision="fp32")


def images_of(count: int, side: int) -> ImageSplits:
    pool = torch.randint(0, 256, (count + 500, 3, side, side), dtype=torch.uint8)
    pool = pool.contiguous(memory_format=torch.channels_last)
    labels = torch.arange(len(pool)) % CLASSES
    at = torch.split(torch.arange(len(pool)), [count, 500])
    train, valid = (ImageSet(pool, labels[part], part, part) for part in at)
    names = tuple(map(str, range(CLASSES)))
    gray = (0.5, 0.5, 0.5)
    return ImageSplits(
        name="random",
        class_names=names,
        mean=gray,
        std=gray,
        augmentation=Augmentation(),
        train=train,
        valid=valid,
        test=valid,
    )


def training_of(supernet: str, resolution: int, batch: int, phase: str) -> Training:
    training = Training.part_of(parameters().model_copy(update={"supernet": supernet}))
    values = training.model_dump(mode="json")
    values["eps"] |= {"resolutions": [resolution], "batch_size": batch, "probes": 10}
    values["eps"]["calibration"]["images"] = 400
    values["eps"]["phases"][phase] |= {"epochs": 1, "warmup_epochs": 0}
    return Training.model_validate(values)


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(case: tuple[str, ...], part: str) -> None:
    """Print the bytes of the peak above what was there before, and what is computed."""
    name, width, resolution, batch, phase = case[0], float(case[1]), int(case[2]), int(case[3]), case[4]
    training = training_of(name, resolution, batch, phase)
    tested = training.eps.calibration.images
    images = images_of(STEPS * batch if part == "training" else tested, resolution)
    computed = training_memory(SupernetSize(training.design, width, CLASSES), phase, images, training, RUN)
    before = peak()
    supernet = Supernet(training.design, width, CLASSES).to(memory_format=torch.channels_last)
    if part == "training":
        teacher = None if phase == "full" else Supernet(training.design, width, CLASSES)
        with tempfile.TemporaryDirectory() as folder:
            store = StateStore(Path(folder), "peak")
            train_phase(
                supernet, phase, teacher=teacher, images=images, training=training, run=RUN, store=store
            )
    else:
        tests = evaluator(images, images.valid, training, RUN)
        tests.accuracies({width: supernet}, probe_subnets(supernet, training, RUN), "peak")
    print("measured", peak() - before, computed.least, computed.most)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--case", nargs=5)
    parser.add_argument("--part", choices=("training", "tests"))
    arguments = parser.parse_args()
    if arguments.part:
        measure(tuple(arguments.case), arguments.part)
        return
    missed = False
    for case in [tuple(arguments.case)] if arguments.case else CASES:
        for part in ("training", "tests"):
            command = [sys.executable, "-m", "benchmarks.peak_memory", "--case", *case, "--part", part]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            measured, least, most = map(int, said.split("measured ")[1].split())
            missed |= measured > most or (part == "training" and measured < least)
            print(
                f"{' '.join(case)}, {part}: measured {measured / 2**30:.2f} GiB, computed at least "
                f"{least / 2**30:.2f}, at most {most / 2**30:.2f}: {measured / most:.2f} of it",
                flush=True,
            )
    sys.exit(missed)


if __name__ == "__main__":
    main()
