"""How long one image takes: in a file's own runtime, and beside it in PyTorch, round after round."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from natv2.costs.latency import with_threads
from natv2.export.opened import Opened, Run
from natv2.finished_network import Classifier


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """How often each is timed, after some times that do not count."""

    warm_up: int = 5
    repetitions: int = 30


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Medians and interquartile ranges in milliseconds, of one image; `threads` None: all there are."""

    threads: int | None
    file: float
    file_spread: float
    pytorch: float
    pytorch_spread: float


def grey(classifier: Classifier) -> Tensor:
    """An image, uint8, of the size that `classifier` prepares others to."""
    return torch.full((1, 3, classifier.resolution, classifier.resolution), 128, dtype=torch.uint8)


def latencies(
    opened: Opened, classifier: Classifier, images: Sequence[Tensor], rounds: Rounds
) -> tuple[Latency, ...]:
    """Latency of one image, uint8 to logits, with one thread and with all; `images` take turns."""
    runs = [(threads, opened.with_threads(threads)) for threads in (1, None)]
    return tuple(
        _latency(run, classifier, images, threads, rounds) for threads, run in runs if run is not None
    )


def _latency(
    run: Run, classifier: Classifier, images: Sequence[Tensor], threads: int | None, rounds: Rounds
) -> Latency:
    seconds = np.empty((rounds.repetitions, 2))
    with with_threads(threads), torch.inference_mode():
        # In turns: what disturbs the machine disturbs both.
        for turn in range(-rounds.warm_up, rounds.repetitions):
            image = images[turn % len(images)]
            file, pytorch = partial(run, image.numpy()), partial(classifier, image)
            seconds[max(turn, 0)] = _seconds(file), _seconds(pytorch)
    low, median, high = 1000 * np.quantile(seconds, (0.25, 0.5, 0.75), axis=0)
    medians, spreads = median.tolist(), (high - low).tolist()
    return Latency(
        threads=threads,
        file=medians[0],
        file_spread=spreads[0],
        pytorch=medians[1],
        pytorch_spread=spreads[1],
    )


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
