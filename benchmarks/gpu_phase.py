"""Phases of a supernet's training against that of its largest network by itself: images x subnets a second.

    python -m benchmarks.gpu_phase [--supernet OFAMobileNetV3] [--batch 200] [--resolution 64] [--compile]
    python -m benchmarks.gpu_phase --device cpu --batch 16 --resolution 32 --width 0.5 --rounds 3 --steps 1

A phase trains 1 (kernel), 2 (depth_2) or 4 subnets (width_2) a batch, which learn from the labels and from
the largest network's exits together (ENS-KD); the other side is that largest network as a static one, with
all its exits and the labels. Both go through the loop of every training, batches and their transfer
included, in one precision, and take turns in one process. The aim, on a GPU: a ratio of at least 0.60. With
--compile also: the teacher's logits of a batch with and without torch.compile.
"""

import argparse
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import get_args

import torch
from torch import Tensor, nn

from benchmarks.turns import CLASSES, Side, clock, in_turns, random_images
from natv2.devices import autocast, resolve_device, resolve_precision
from natv2.images.batches import Batch, evaluation_batches, training_batches
from natv2.images.image_set import ImageSplits
from natv2.run import Precision
from natv2.shrinking.config import PhaseConfig, ShrinkingConfig
from natv2.shrinking.train import phase_step
from natv2.spaces.design import DESIGNS
from natv2.supernets.supernet import Supernet
from natv2.training.distillation import Teacher, joint_loss, make_teacher
from natv2.training.loop import Step, backward, fit
from natv2.training.optimiser import OptimiserConfig
from natv2.training.state_store import StateStore

SUBNETS = {"kernel": 1, "depth_2": 2, "width_2": 4}  # of a batch, as in Table 5.2
WARM_UP = 3  # first steps of a turn: memory is taken, kernels are chosen


def training(module: nn.Module, step: Step, images: ImageSplits, config: ShrinkingConfig, phase: str) -> Side:
    """Steps of `phase`, in the loop that trains everything; the learning rate is 0."""
    steps = len(images.train) // config.batch_size
    moments: list[float] = []

    def timed(batches: Iterable[Batch]) -> Iterator[Batch]:
        for index, batch in enumerate(batches):
            if index == WARM_UP:
                moments.append(clock())
            yield batch
        moments.append(clock())

    def seconds() -> float:
        moments.clear()
        with TemporaryDirectory() as folder:
            fit(
                module,
                step,
                lambda epoch: timed(
                    training_batches(
                        images,
                        images.train,
                        batch_size=config.batch_size,
                        seed=config.seed,
                        purpose="benchmark",
                        epoch=epoch,
                    )
                ),
                steps=steps,
                config=config.phases[phase].optimiser,
                store=StateStore(Path(folder), "benchmark"),
                seed=config.seed,
            )
        return (moments[1] - moments[0]) / (steps - WARM_UP)

    return seconds


def static(supernet: Supernet, images: ImageSplits, config: ShrinkingConfig) -> Side:
    """Steps of the largest network as a static one."""
    (resolution,) = config.resolutions
    network = supernet.subnet(supernet.largest(resolution)).train()

    def step(batch: Batch, epoch: int, index: int) -> Tensor:
        return backward(
            joint_loss(
                network(batch.at(resolution)),
                batch.labels,
                config.loss_weights(supernet.design),
                label_smoothing=config.label_smoothing,
            )
        )

    return training(network, step, images, config, "full")


def teaching(teacher: Teacher, images: ImageSplits, config: ShrinkingConfig, precision: Precision) -> Side:
    """The teacher's logits of a batch that is there and rendered."""
    (resolution,) = config.resolutions
    batch = next(iter(evaluation_batches(images, images.train, config.batch_size)))
    batch.at(resolution)

    def seconds() -> float:
        start = clock()
        with autocast(precision, batch.labels.device):
            teacher.logits(batch, resolution)
        return clock() - start

    return seconds


def compiled(teacher: Teacher) -> Teacher:
    """`teacher` with networks that torch.compile makes faster, or not."""
    networks = deepcopy(teacher.networks)
    for network in networks.values():
        network.compile()
    return replace(teacher, networks=networks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--supernet", default="OFAMobileNetV3", choices=DESIGNS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20, help="timed ones of each side in a round")
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--precision", default="auto", choices=get_args(Precision))
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    device, batch, resolution = resolve_device(arguments.device), arguments.batch, arguments.resolution
    precision = resolve_precision(arguments.precision, device)
    optimiser = OptimiserConfig(learning_rate=0.0, epochs=1, weight_decay=3e-5, precision=precision)
    config = ShrinkingConfig(
        phases={
            name: PhaseConfig(optimiser=optimiser, subnets=count)
            for name, count in {"full": 0, **SUBNETS}.items()
        },
        resolutions=(resolution,),
        batch_size=batch,
        kd_ratio=1.0,
        label_smoothing=0.1,
        exit_weights="DESC",
        calibration_images=batch,
        calibration_batch_size=batch,
        evaluation_batch_size=batch,
        extremes_only=True,
        probes=2,
        seed=0,
    )
    images = random_images((WARM_UP + arguments.steps) * batch, 1, 9 * resolution // 8).to(device)
    design = DESIGNS[arguments.supernet]
    supernet = Supernet(design, arguments.width, CLASSES).to(memory_format=torch.channels_last).to(device)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"
    print(f"{design.name}, width {supernet.width}, {batch} images of {resolution} px, {precision}, {where}")
    largest = static(supernet, images, config)
    for phase, subnets in SUBNETS.items():
        step = phase_step(supernet, phase, supernet, images, config, phase)
        (times,) = in_turns([(training(supernet, step, images, config, phase), largest)], arguments.rounds)
        rates = [(subnets * batch / ours, batch / theirs) for ours, theirs in zip(*times, strict=True)]
        ratios = sorted(ours / theirs for ours, theirs in rates)
        ours, theirs = (median(side) for side in zip(*rates, strict=True))
        print(
            f"{phase:8} {subnets} a batch   {ours:8,.0f} images x subnets/s   largest {theirs:8,.0f} images/s"
            f"   median ratio {median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})",
            flush=True,
        )
    if arguments.compile:
        networks = [supernet.largest(resolution)]
        teacher = make_teacher(supernet, networks, config.output_weights(design), config.calibration(images))
        pair = [teaching(each, images, config, precision) for each in (compiled(teacher), teacher)]
        (times,) = in_turns([(pair[0], pair[1])], arguments.rounds)
        ours, theirs = (1e3 * median(side) for side in times)
        print(
            f"teacher's logits: compiled {ours:.2f} ms   as it is {theirs:.2f} ms   ratio {ours / theirs:.3f}"
        )


if __name__ == "__main__":
    main()
