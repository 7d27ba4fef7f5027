"""How long a training of supernets will take here, roughly: known in seconds, without any image."""

import time
from collections.abc import Sequence

import numpy as np
import torch

from natv2.costs.parts import MACS, architecture_cost
from natv2.devices import autocast
from natv2.images.batches import Batch
from natv2.randomness import numpy_generator, torch_generator
from natv2.run import Run
from natv2.shrinking.config import Training
from natv2.shrinking.phases import choices, sample
from natv2.spaces.architecture import Architecture
from natv2.spaces.space import SearchSpace
from natv2.supernets.supernet import Supernet
from natv2.training.steps import joint_step

_IMAGES = 16  # of a timed step on a CPU; a GPU takes a whole batch
_STEPS = 3  # timed; the first takes memory, and does not count
_NETWORKS = 32  # drawn of a phase, for its mean
_BACKWARD = 2  # times the multiply-accumulates of a forward pass


def expected_hours(training: Training, widths: Sequence[float], images: int, classes: int, run: Run) -> float:
    """Hours of the GPU, or of one core, that `training` takes at `widths` on so many images.

    By the multiply-accumulates of all its steps, and by a few steps of the largest network, timed here.
    Tests after the phases come on top; `natv2.shrinking.plan` times everything.
    """
    return (
        sum(
            _work(training, width, classes) * images / _speed(training, width, classes, run)
            for width in widths
        )
        / 3600
    )


def _work(training: Training, width: float, classes: int) -> float:
    """Multiply-accumulates of all phases for each image, backward passes and the teacher's among them."""
    size, design = _middle(training.resolutions), training.design
    largest = _macs(training, _largest(training, width), classes)
    taught = training.taught_by not in ("none", "in-place")
    total = 0.0
    for phase in training.phases:
        epochs, subnets = training.phase(phase).epochs, training.phase(phase).subnets
        if phase == "full":
            total += epochs * (1 + _BACKWARD) * largest
            continue
        drawn = sample(
            design,
            choices(design, phase, training.schedule),
            _NETWORKS,
            resolution=size,
            width=width,
            generator=numpy_generator(0, "hours", phase),
        )
        mean = float(np.mean([_macs(training, network, classes) for network in drawn]))
        total += epochs * (subnets * (1 + _BACKWARD) * mean + taught * largest)
    return total


def _speed(training: Training, width: float, classes: int, run: Run) -> float:
    """Multiply-accumulates a second in steps of the largest network, on random pixels.

    On a CPU those of one thread in its own time, which hardly depends on what else is running.
    """
    size = _middle(training.resolutions)
    on_cpu, threads, best = run.device == "cpu", torch.get_num_threads(), float("inf")
    count = _IMAGES if on_cpu else training.eps.batch_size
    supernet = Supernet(training.design, width, classes)
    supernet.to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    network = _largest(training, width)
    step = joint_step(supernet, lambda epoch, index: network, training.exit_weights.loss, label_smoothing=0.0)
    pixels = torch.randint(0, 256, (count, 3, size, size), generator=torch_generator(0, "hours"))
    labels = torch.arange(count) % classes
    clock = time.process_time if on_cpu else time.perf_counter
    torch.set_num_threads(1 if on_cpu else threads)
    for number in range(_STEPS):
        batch = Batch(
            pixels=pixels.to(run.device, torch.uint8),
            labels=labels.to(run.device),
            ids=labels,
            mean=(0.5, 0.5, 0.5),
            std=(0.25, 0.25, 0.25),
        )
        start = clock()
        with autocast(run.precision, torch.device(run.device)):
            float(step(batch, 0, number))
        if number:
            best = min(best, clock() - start)
    torch.set_num_threads(threads)
    return (1 + _BACKWARD) * _macs(training, network, classes) * count / best


def _largest(training: Training, width: float) -> Architecture:
    """The maximal network, with all its exits."""
    sizes = (_middle(training.resolutions),)
    space = SearchSpace(design=training.design, resolutions=sizes, widths=(width,))
    return space.largest(exits=training.design.exits)


def _macs(training: Training, network: Architecture, classes: int) -> int:
    return int(architecture_cost(training.design, network, classes)[MACS])


def _middle(sizes: Sequence[int]) -> int:
    return sizes[len(sizes) // 2]
