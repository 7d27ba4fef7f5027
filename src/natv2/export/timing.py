"""How long one image takes: in a file's own runtime, and beside it in PyTorch, round after round."""

import time
from collections.abc import Callable
from dataclasses import dataclass

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


def latencies(opened: Opened, classifier: Classifier, rounds: Rounds) -> tuple[Latency, ...]:
    """Latency of one prepared-size image, uint8 to logits, with one thread and with all."""
    image = torch.full((1, 3, classifier.resolution, classifier.resolution), 128, dtype=torch.uint8)
    runs = [(threads, opened.with_threads(threads)) for threads in (1, None)]
    return tuple(
        _latency(run, classifier, image, threads, rounds) for threads, run in runs if run is not None
    )


def _latency(run: Run, classifier: Classifier, image: Tensor, threads: int | None, rounds: Rounds) -> Latency:
    pixels = image.numpy()
    seconds = np.empty((rounds.repetitions, 2))
    with with_threads(threads), torch.inference_mode():
        # In turns: what disturbs the machine disturbs both.
        for turn in range(-rounds.warm_up, rounds.repetitions):
            both = _seconds(lambda: run(pixels)), _seconds(lambda: classifier(image))
            seconds[max(turn, 0)] = both
    low, median, high = 1000 * np.quantile(seconds, (0.25, 0.5, 0.75), axis=0)
    (file, pytorch), (file_spread, pytorch_spread) = median.tolist(), (high - low).tolist()
    return Latency(
        threads=threads,
        file=file,
        file_spread=file_spread,
        pytorch=pytorch,
        pytorch_spread=pytorch_spread,
    )


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
