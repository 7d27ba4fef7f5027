"""What a training will take, from a few timed steps of each of its phases."""

import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import torch

from natv2.images import Batch, ImageSplits, evaluation_batches, steps_per_epoch, training_batches
from natv2.shrinking.accuracy import tested_networks
from natv2.shrinking.config import ShrinkingConfig
from natv2.shrinking.phases import phases_of, steps_of
from natv2.shrinking.probes import probe_subnets
from natv2.shrinking.train import phase_step
from natv2.spaces import Architecture
from natv2.supernets import Supernet
from natv2.training.evaluation import Evaluator
from natv2.training.loop import fit
from natv2.training.progress import Progress

_WARM_UP = 3  # first steps are slower: memory is taken, kernels are chosen
_IMAGES = 64  # that an evaluation is timed with, as many for its calibration
_STATES = 3  # weights in a kept state of training: the module's, its momenta, and those being written


def plan(supernet: Supernet, *, images: ImageSplits, config: ShrinkingConfig, steps: int) -> pd.DataFrame:
    """What each phase of training `supernet` is expected to take on its device; its weights stay as they are.

    A row a phase: width, phase, epochs, steps (of all epochs), step_ms (the mean of `steps`); training,
    evaluation and test in hours; memory (peak of the process or of the GPU so far) and disk (bytes).
    """
    last = set(steps_of(supernet.design, config.schedule).values())
    weights = 4 * sum(parameter.numel() for parameter in supernet.parameters())
    calibrated = min(config.calibration_images, len(images.train))
    valid, test = (len(part) + calibrated for part in (images.valid, images.test))
    probing = _seconds_an_image(supernet, probe_subnets(supernet, config), images, config)
    rows = []
    for phase in phases_of(supernet.design, config.schedule):
        epochs = config.phases[phase].optimiser.epochs
        every = epochs * steps_per_epoch(images.train, config.batch_size)
        seconds = _step_seconds(supernet, phase, images, config, steps)
        testing = _seconds_an_image(supernet, tested_networks(supernet, phase, config), images, config)
        # The probes are tested twice, the second time without a calibration of their own.
        evaluation = testing * valid + probing * (valid + len(images.valid))
        rows.append(
            {
                "width": supernet.width,
                "phase": phase,
                "epochs": epochs,
                "steps": every,
                "step_ms": 1000 * seconds,
                "training": seconds * every / 3600,
                "evaluation": evaluation / 3600,
                "test": testing * test / 3600 if phase in last else 0.0,
                "memory": _memory(supernet),
                "disk": weights * (1 + _STATES),
            }
        )
    return pd.DataFrame(rows)


def _step_seconds(
    supernet: Supernet, phase: str, images: ImageSplits, config: ShrinkingConfig, steps: int
) -> float:
    """Mean seconds of a training step with its batch, without the first few."""
    moments: list[float] = []

    def timed(_: int) -> Iterator[Batch]:
        for batch in islice(_batches(images, config), _WARM_UP + steps):
            moments.append(time.perf_counter())
            yield batch
        moments.append(time.perf_counter())

    with TemporaryDirectory() as folder:
        fit(
            supernet,
            phase_step(supernet, phase, None if phase == "full" else supernet, images, config, "plan"),
            timed,
            steps=_WARM_UP + steps,
            config=replace(config.phases[phase].optimiser, learning_rate=0.0, epochs=1),
            progress=Progress(Path(folder), f"plan {phase}"),
            seed=config.seed,
        )
    return (moments[-1] - moments[_WARM_UP]) / steps


def _batches(images: ImageSplits, config: ShrinkingConfig) -> Iterator[Batch]:
    """Training batches without end: a small set is gone through again."""
    for epoch in count():
        yield from training_batches(
            images,
            images.train,
            batch_size=config.batch_size,
            seed=config.seed,
            purpose="plan",
            epoch=epoch,
        )


def _seconds_an_image(
    supernet: Supernet, networks: Sequence[Architecture], images: ImageSplits, config: ShrinkingConfig
) -> float:
    """Seconds that an image takes in an evaluation of `networks`, whether it calibrates or is tested."""
    few = images.train.subset(torch.arange(min(_IMAGES, len(images.train))))
    batches = list(evaluation_batches(images, few, len(few)))
    evaluator = Evaluator(
        calibration=batches, images=batches, exit_weights=config.output_weights(supernet.design)
    )
    start = time.perf_counter()
    evaluator.accuracies({supernet.width: supernet}, networks, "plan")
    return (time.perf_counter() - start) / (2 * len(few))


def _memory(supernet: Supernet) -> int:
    """Peak bytes: of the GPU where the supernet is on one, of this process otherwise."""
    if next(supernet.parameters()).is_cuda:
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
