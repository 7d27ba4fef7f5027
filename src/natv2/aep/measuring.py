"""What multi-exit networks take: an epoch of training, an image, each of their parts."""

import copy
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from natv2.aep.classifier import MultiExitClassifier
from natv2.aep.config import AepTraining
from natv2.aep.costs import PartCosts
from natv2.aep.joint_training import JointTraining, Meters, without_augmentation
from natv2.aep.network.multi_exit import MultiExitNetwork
from natv2.costs.config import LatencyConfig
from natv2.costs.latency import measure, network_latencies
from natv2.exits.weightings import ExitWeighting, exit_weights
from natv2.images.batches import Epochs, evaluation_batches
from natv2.images.image_set import ImageSplits
from natv2.run import Run
from natv2.training.state_store import State, StateStore
from natv2.training.timing import step_time

_TIMED = 100  # images whose leaving early is timed one by one
_STEPS = 10  # of training that are timed at once
_ROUNDS = 3  # of all networks in turns: what disturbs the machine disturbs all alike


@torch.inference_mode()
def part_latencies(
    network: MultiExitNetwork, resolution: int, config: LatencyConfig, run: Run, store: StateStore
) -> PartCosts:
    """Median milliseconds of each stage and head of `network`; measured once, also where a run resumes."""

    def measured() -> State:
        given = [torch.zeros(1, 3, resolution, resolution, device=run.device)]
        for stage in network.eval().stages:
            given.append(stage(given[-1]))
        inputs = [*given[:-1], *(given[exit] for exit in network.exits)]
        parts = [*network.stages, *network.heads.values()]
        return State(tensors={"median": torch.from_numpy(measure(parts, inputs, config).median)})

    medians = store.remembered("part_latencies", measured).tensors["median"].numpy()
    stages, heads = np.split(medians, [len(network.stages)])
    return PartCosts(exits=network.exits, stages=stages, heads=heads)


def mean_latencies(networks: Sequence[nn.Module], images: Tensor, config: LatencyConfig) -> list[float]:
    """Milliseconds of each of `networks` for one of `images` (N, 3, R, R), on average over them.

    Of each image and network the median counts; every image goes through every network in turns.
    """
    singles = [image[None] for image in images]
    modules = [network.eval() for _ in singles for network in networks]
    inputs = [x for x in singles for _ in networks]
    medians = measure(modules, inputs, config).median.reshape(len(singles), len(networks))
    return [float(mean) for mean in medians.mean(axis=0)]


def epoch_seconds(
    networks: Sequence[tuple[MultiExitNetwork, ExitWeighting]],
    images: ImageSplits,
    training: AepTraining,
    run: Run,
) -> list[float]:
    """Expected seconds of an epoch of training of each of `networks`, which stay as they are.

    The median of some rounds of a few steps, in which they take turns.
    """
    aep = training.aep
    epochs = Epochs(images, images.train, aep.batch_size, run.seed, "time of an epoch")
    seconds = np.empty((_ROUNDS, len(networks)))
    for turn in range(_ROUNDS):
        for index, (network, exit_weighting) in enumerate(networks):
            weights = exit_weights(exit_weighting, len(network.exits))
            trial = JointTraining(copy.deepcopy(network), weights, aep)  # running statistics change
            seconds[turn, index] = step_time(
                trial,
                trial.step(Meters(network.exits, weights)),
                epochs,
                optimiser=aep,
                precision=run.precision,
                steps=min(_STEPS, epochs.steps),
                seconds=math.inf,
            ).seconds
    return [float(median * epochs.steps) for median in np.median(seconds, axis=0)]


def timings(
    networks: Mapping[str, MultiExitClassifier],
    early: MultiExitClassifier,
    images: ImageSplits,
    training: AepTraining,
    run: Run,
) -> pd.DataFrame:
    """What an image takes in each network (ms), and an epoch of their training (s): a row each.

    `networks` has the baseline, the ensemble and what it was cut to; in `early` images leave early.
    """
    config, resolution = training.aep.latency, training.aep.resolution
    modules = [each.network for each in networks.values()]
    medians = network_latencies(modules, resolution, config, batch=1, device=run.device)
    table = pd.DataFrame(
        {"name": list(networks), "latency": medians.median, "latency_spread": medians.spread}
    )
    images = without_augmentation(images).to(run.device)
    ensemble = networks["ensemble"].network
    both: list[tuple[MultiExitNetwork, ExitWeighting]] = [
        (networks["baseline"].network, "UNIF"),
        (ensemble, training.weights),
    ]
    table["epoch_seconds"] = pd.Series(epoch_seconds(both, images, training, run))
    # Where images leave early each takes its own time: the mean over some, beside that of the whole network.
    some = images.valid.subset(torch.arange(min(_TIMED, len(images.valid))))
    x = next(iter(evaluation_batches(images, some, _TIMED))).at(resolution)
    fewer = config.model_copy(update={"repetitions": min(5, config.repetitions)})
    means = mean_latencies([early.early_stopping(), ensemble], x, fewer)
    means_table = pd.DataFrame({"name": ["early_stopping", "ensemble"], "mean_latency": means})
    return table.merge(means_table, on="name", how="outer", sort=False)
