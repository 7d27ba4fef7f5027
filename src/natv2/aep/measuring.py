"""What multi-exit networks take: an epoch of training, an image, each of their parts."""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from natv2.aep.costs import PartCosts
from natv2.aep.network.multi_exit import MultiExitNetwork
from natv2.aep.training import AepConfig, Meters, Training
from natv2.costs.latency import Latencies, LatencyConfig, measure
from natv2.exits.weightings import exit_weights
from natv2.images.batches import steps_per_epoch
from natv2.images.image_set import ImageSplits
from natv2.training.state_store import Progress, State
from natv2.training.timing import step_seconds

_STEPS = 10  # of training that are timed at once
_ROUNDS = 3  # of all networks in turns: what disturbs the machine disturbs all alike


@torch.inference_mode()
def part_latencies(
    network: MultiExitNetwork, resolution: int, config: LatencyConfig, progress: Progress
) -> PartCosts:
    """Median milliseconds of each stage and head of `network`; measured once, also where a run goes on."""

    def measured() -> State:
        x = torch.zeros(config.batch, 3, resolution, resolution, device=config.device)
        parts: list[nn.Module] = []
        inputs: list[Tensor] = []
        for number, stage in enumerate(network.eval().stages, start=1):
            parts, inputs = [*parts, stage], [*inputs, x]
            x = stage(x)
            if number in network.exits:
                parts, inputs = [*parts, network.heads[str(number)]], [*inputs, x]
        return State(tensors={"median": torch.from_numpy(measure(parts, inputs, config).median)})

    medians = progress.remembered("part_latencies", measured).tensors["median"].tolist()
    taken = iter(medians)
    stages, heads = [], []
    for number in range(1, len(network.stages) + 1):
        stages.append(next(taken))
        if number in network.exits:
            heads.append(next(taken))
    return PartCosts(exits=network.exits, stages=np.array(stages), heads=np.array(heads))


def latencies(networks: Sequence[nn.Module], resolution: int, config: LatencyConfig) -> Latencies:
    """Latency of each of `networks`, in turns."""
    x = torch.zeros(config.batch, 3, resolution, resolution, device=config.device)
    x = x.contiguous(memory_format=torch.channels_last)
    return measure([network.eval() for network in networks], [x] * len(networks), config)


def mean_latencies(networks: Sequence[nn.Module], images: Tensor, config: LatencyConfig) -> list[float]:
    """Milliseconds of each of `networks` for one of `images` (N, 3, R, R), in the mean over them.

    Of each image and network the median counts; every image goes through every network in turns.
    """
    singles = [image[None] for image in images]
    modules = [network.eval() for _ in singles for network in networks]
    inputs = [x for x in singles for _ in networks]
    medians = measure(modules, inputs, config).median.reshape(len(singles), len(networks))
    return [float(mean) for mean in medians.mean(axis=0)]


def epoch_seconds(
    networks: Sequence[MultiExitNetwork], images: ImageSplits, configs: Sequence[AepConfig]
) -> list[float]:
    """Expected seconds of an epoch of training of each of `networks`, which stay as they are.

    The median of some rounds of a few steps, in which they take turns.
    """
    steps = [steps_per_epoch(images.train, config.batch_size) for config in configs]
    seconds = np.empty((_ROUNDS, len(networks)))
    for turn in range(_ROUNDS):
        for index, (network, config) in enumerate(zip(networks, configs, strict=True)):
            trial = Training(copy.deepcopy(network), config)  # running statistics change
            seen = Meters(network.exits, *exit_weights(config.weighting, len(network.exits)))
            seconds[turn, index] = step_seconds(
                trial,
                trial.step(seen),
                images=images,
                batch_size=config.batch_size,
                optimiser=config.optimiser,
                seed=config.seed,
                steps=min(_STEPS, steps[index]),
                name="time of an epoch",
            )
    return [float(median * n) for median, n in zip(np.median(seconds, axis=0), steps, strict=True)]
