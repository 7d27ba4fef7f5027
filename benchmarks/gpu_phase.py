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
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import get_args

import torch
from torch import Tensor, nn

from benchmarks.configs import parameters
from benchmarks.turns import CLASSES, Side, clock, in_turns, random_images
from natv2.devices import autocast, resolve
from natv2.images.batches import Batch, Epochs, evaluation_batches
from natv2.images.image_set import ImageSplits
from natv2.run import Precision, Run
from natv2.shrinking.config import Training
from natv2.shrinking.teacher import phase_teacher
from natv2.shrinking.train import phase_step
from natv2.spaces.design import DESIGNS
from natv2.supernets.supernet import Supernet
from natv2.training.distillation import Teacher, joint_loss
from natv2.training.loop import Step, backward, fit
from natv2.training.state_store import StateStore

PHASES = ("kernel", "depth_2", "width_2")
WARM_UP = 3  # first steps of a turn: memory is taken, kernels are chosen


def configuration(supernet: str, batch: int, resolution: int) -> Training:
    """The thesis's training with batches of another size, for one epoch that moves no weight."""
    eps = parameters().eps
    phases = {name: getattr(eps.phases, name) for name in ("full", *PHASES)}
    once = {"lr": 0.0, "epochs": 1, "warmup_epochs": 0}
    changes = {
        "phases": eps.phases.model_copy(
            update={name: phase.model_copy(update=once) for name, phase in phases.items()}
        ),
        "calibration": eps.calibration.model_copy(update={"images": batch, "batch_size": batch}),
        "resolutions": (resolution,),
        "batch_size": batch,
    }
    training = Training.part_of(parameters())
    return training.model_copy(update={"supernet": supernet, "eps": eps.model_copy(update=changes)})


@dataclass(frozen=True, eq=False)
class TimedEpochs(Epochs):
    """Epochs that note when their steps after those that warm up begin, and when they have ended."""

    moments: list[float] = field(default_factory=list)

    def __call__(self, epoch: int) -> Iterator[Batch]:
        for index, batch in enumerate(super().__call__(epoch)):
            if index == WARM_UP:
                self.moments.append(clock())
            yield batch
        self.moments.append(clock())


def phase_steps(
    module: nn.Module, step: Step, images: ImageSplits, training: Training, run: Run, phase: str
) -> Side:
    """Steps of `phase`, in the loop that trains everything; the learning rate is 0."""

    def seconds() -> float:
        epochs = TimedEpochs(images, images.train, training.eps.batch_size, run.seed, "benchmark")
        with TemporaryDirectory() as folder:
            fit(
                module,
                step,
                epochs,
                optimiser=training.eps,
                schedule=training.phase(phase),
                precision=run.precision,
                store=StateStore(Path(folder), "benchmark"),
            )
        begun, ended = epochs.moments
        return (ended - begun) / (epochs.steps - WARM_UP)

    return seconds


def static(supernet: Supernet, images: ImageSplits, training: Training, run: Run) -> Side:
    """Steps of the largest network as a static one."""
    (resolution,) = training.resolutions
    network = supernet.subnet(supernet.largest(resolution)).train()
    weights, smoothing = training.exit_weights.loss, training.eps.label_smoothing

    def step(batch: Batch, epoch: int, index: int) -> Tensor:
        logits = network(batch.at(resolution))
        return backward(joint_loss(logits, batch.labels, weights, label_smoothing=smoothing))

    return phase_steps(network, step, images, training, run, "full")


def teaching(teacher: Teacher, images: ImageSplits, training: Training, precision: Precision) -> Side:
    """The teacher's logits of a batch that is there and rendered."""
    (resolution,) = training.resolutions
    batch = next(iter(evaluation_batches(images, images.train, training.eps.batch_size)))
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
    run = resolve(Run(device=arguments.device, precision=arguments.precision))
    device, batch, resolution = torch.device(run.device), arguments.batch, arguments.resolution
    training = configuration(arguments.supernet, batch, resolution)
    images = random_images((WARM_UP + arguments.steps) * batch, 1, 9 * resolution // 8).to(device)
    design = training.design
    supernet = Supernet(design, arguments.width, CLASSES).to(memory_format=torch.channels_last).to(device)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"
    print(
        f"{design.name}, width {supernet.width}, {batch} images of {resolution} px, {run.precision}, {where}"
    )
    largest = static(supernet, images, training, run)
    for phase in PHASES:
        subnets = training.phase(phase).subnets
        step = phase_step(supernet, phase, supernet, images, training, run, phase)
        pair = (phase_steps(supernet, step, images, training, run, phase), largest)
        (times,) = in_turns([pair], arguments.rounds)
        rates = [(subnets * batch / ours, batch / theirs) for ours, theirs in zip(*times, strict=True)]
        ratios = sorted(ours / theirs for ours, theirs in rates)
        ours, theirs = (median(side) for side in zip(*rates, strict=True))
        print(
            f"{phase:8} {subnets} a batch   {ours:8,.0f} images x subnets/s   largest {theirs:8,.0f} images/s"
            f"   median ratio {median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})",
            flush=True,
        )
    if arguments.compile:
        teacher = phase_teacher(supernet, training, run, images)
        assert teacher is not None
        faster, plain = (teaching(t, images, training, run.precision) for t in (compiled(teacher), teacher))
        (times,) = in_turns([(faster, plain)], arguments.rounds)
        ours, theirs = (1e3 * median(side) for side in times)
        print(
            f"teacher's logits: compiled {ours:.2f} ms   as it is {theirs:.2f} ms   ratio {ours / theirs:.3f}"
        )


if __name__ == "__main__":
    main()
