"""Latency as it is measured: the median of repetitions, and how far these spread."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from natv2.bar import progress_bar
from natv2.costs.config import LatencyConfig


@dataclass(frozen=True, kw_only=True)
class Latencies:
    """Medians and interquartile ranges in milliseconds, (N,) each."""

    median: NDArray[np.float64]
    spread: NDArray[np.float64]


def measure(modules: Sequence[nn.Module], inputs: Sequence[Tensor], config: LatencyConfig) -> Latencies:
    """Latency of each module, in evaluation mode, on its input (batch, C, H, W), all on the device.

    Round after round each module runs once: what disturbs the machine disturbs all alike, and each finds
    caches as cold as after other layers.
    """
    seconds = np.empty((config.repetitions, len(modules)))
    with torch.inference_mode(), with_threads(config.threads), progress_bar("latency", len(seconds)) as bar:
        for turn in range(-config.warm_up, config.repetitions):
            for index, (module, x) in enumerate(zip(modules, inputs, strict=True)):
                seconds[max(turn, 0), index] = _seconds(module, x)
            if turn >= 0:
                bar.advance(f"{len(modules)} modules in {seconds[turn].sum():.1f} s")
    low, median, high = 1000 * np.quantile(seconds, (0.25, 0.5, 0.75), axis=0)
    return Latencies(median=median, spread=high - low)


def _seconds(module: Callable[[Tensor], object], x: Tensor) -> float:
    start = time.perf_counter()
    module(x)
    if x.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def network_latencies(
    networks: Sequence[nn.Module], resolution: int, config: LatencyConfig, *, batch: int, device: str
) -> Latencies:
    """Latency of each of `networks`, with the weights it has, for `batch` images; in turns."""
    x = torch.zeros(batch, 3, resolution, resolution, device=device)
    x = x.contiguous(memory_format=torch.channels_last)
    return measure([network.eval().to(device) for network in networks], [x] * len(networks), config)


@contextmanager
def with_threads(count: int | None) -> Iterator[None]:
    """So many threads of torch, None: those that it has; afterwards as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
