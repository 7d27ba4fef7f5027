"""What training and evaluation will take, from a few steps of each."""

import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

from natv2.images.batches import Batch, evaluation_batches, training_batches
from natv2.images.image_set import ImageSplits
from natv2.spaces.architecture import Architecture
from natv2.training.evaluation import Evaluator, Family
from natv2.training.loop import Step, fit
from natv2.training.optimiser import OptimiserConfig
from natv2.training.state_store import Progress

_WARM_UP = 3  # first steps are slower: memory is taken, kernels are chosen
_IMAGES = 64  # that an evaluation is timed with, as many for its calibration
STATES = 3  # weights in a kept state of training: the module's, its momenta, and those being written


def step_seconds(
    module: nn.Module,
    step: Step,
    *,
    images: ImageSplits,
    batch_size: int,
    optimiser: OptimiserConfig,
    seed: int,
    steps: int,
    name: str,
) -> float:
    """Mean seconds of a training step with its batch, without the first few; the weights stay as they are."""
    moments: list[float] = []

    def timed(_: int) -> Iterator[Batch]:
        for batch in islice(_endless(images, batch_size, seed), _WARM_UP + steps):
            moments.append(time.perf_counter())
            yield batch
        moments.append(time.perf_counter())

    with TemporaryDirectory() as folder:
        fit(
            module,
            step,
            timed,
            steps=_WARM_UP + steps,
            config=replace(optimiser, learning_rate=0.0, epochs=1),
            progress=Progress(Path(folder), name),
            seed=seed,
        )
    return (moments[-1] - moments[_WARM_UP]) / steps


def _endless(images: ImageSplits, batch_size: int, seed: int) -> Iterator[Batch]:
    """Training batches without end: a small set is gone through again."""
    for epoch in count():
        yield from training_batches(
            images, images.train, batch_size=batch_size, seed=seed, purpose="plan", epoch=epoch
        )


def seconds_an_image(
    family: Family,
    networks: Sequence[Architecture],
    images: ImageSplits,
    exit_weights: tuple[float, ...],
) -> float:
    """Seconds that an image takes in an evaluation of `networks`, whether it calibrates or is tested."""
    few = images.train.subset(torch.arange(min(_IMAGES, len(images.train))))
    batches = list(evaluation_batches(images, few, len(few)))
    evaluator = Evaluator(calibration=batches, images=batches, exit_weights=exit_weights)
    start = time.perf_counter()
    evaluator.accuracies(family, networks, "plan")
    return (time.perf_counter() - start) / (2 * len(few))


def peak_memory(module: nn.Module) -> int:
    """Peak bytes so far: of the GPU where `module` is on one, of this process otherwise."""
    if next(module.parameters()).is_cuda:
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def weight_bytes(module: nn.Module) -> int:
    """Bytes of the weights of `module`."""
    return 4 * sum(parameter.numel() for parameter in module.parameters())
