"""What a search will take, from a few timed steps and evaluations of each of its stages."""

import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from natv2.images.batches import steps_per_epoch
from natv2.images.image_set import ImageSplits
from natv2.randomness import numpy_generator
from natv2.search.adaptation.subnets import extreme_networks
from natv2.search.adaptation.training import (
    AdaptationConfig,
    Sampler,
    largest_step,
    sampled_step,
    widest_teacher,
)
from natv2.search.moo.evolution import CostsOf
from natv2.search.search import SAMPLERS, Search, SearchConfig
from natv2.spaces.space import Codes, SearchSpace
from natv2.training.evaluation import Family
from natv2.training.loop import Step
from natv2.training.state_store import Progress
from natv2.training.timing import STATES, peak_memory, seconds_an_image, step_seconds, weight_bytes

_NETWORKS = 60  # that an evaluation is timed with: fewer would share less than an archive does
_HOUR = 3600


class _Unadapted:
    """Subnets of which nothing is known but that they differ: a turn over them is the search's own time."""

    def accuracies(self, codes: Codes, name: str) -> NDArray[np.float64]:
        return numpy_generator(len(codes), name).random(len(codes))

    def adapt(self, sampler: Sampler, turn: int) -> None:
        sampler(1, np.random.default_rng(turn))

    def validate(self, name: str) -> dict[str, float]:
        return {}


def plan_search(
    family: Family,
    space: SearchSpace,
    costs_of: CostsOf,
    *,
    latency_seconds: float,
    images: ImageSplits,
    config: SearchConfig,
    warm_up: AdaptationConfig,
    largest_epochs: int,
    adaptation: AdaptationConfig,
    epochs: int,
    steps: int,
) -> pd.DataFrame:
    """What each stage of a search over `family` is expected to take; its weights stay as they are.

    A row a stage: stage, times (how often), epochs and steps (each time), step_ms, networks (evaluated each
    time); training, evaluation and search (predictor, evolution, choice) in hours, of all times together;
    memory (peak of the process or of the GPU so far) and disk (bytes). `epochs` are those of a turn,
    `latency_seconds` those of a latency table, were there one.
    """
    batches = steps_per_epoch(images.train, adaptation.batch_size)
    calibrated = min(adaptation.calibration_images, len(images.train))
    a_network = _seconds_a_network(family, space, config, adaptation, images) * (
        len(images.valid) + calibrated
    )
    grid = len(extreme_networks(space))
    # An archive that grows has half of what it gains on average.
    gained = config.candidates * (config.turns + 1) / 2 if config.growth == "grow" else 0
    archive = round(config.archive_size + gained)
    module = nn.ModuleList(family.values())
    rows = []

    def row(stage: str, times: int, epochs: int, step: float, networks: int, search: float = 0.0) -> None:
        rows.append(
            {
                "stage": stage,
                "times": times,
                "epochs": epochs,
                "steps": epochs * batches,
                "step_ms": 1000 * step,
                "networks": networks,
                "training": times * epochs * batches * step / _HOUR,
                "evaluation": times * networks * a_network / _HOUR,
                "search": times * search / _HOUR,
                "memory": peak_memory(module),
                "disk": weight_bytes(module) * (1 + STATES) if epochs else 0,
            }
        )

    def seconds(module: nn.Module, step: Step, training: AdaptationConfig, name: str) -> float:
        return step_seconds(
            module,
            step,
            images=images,
            batch_size=training.batch_size,
            optimiser=training.optimiser,
            seed=training.seed,
            steps=steps,
            name=f"plan {name}",
        )

    if latency_seconds:
        row("latency table", 1, 0, 0.0, 0, latency_seconds)
    for width, supernet in family.items():
        step = largest_step(supernet, space.resolutions[-1], warm_up)
        largest = seconds(supernet, step, warm_up, "warm-up of the largest network")
        row(f"warm-up of the largest network, width {width:g}", 1, largest_epochs, largest, 0)
    teacher = widest_teacher(family, space, images, adaptation) if adaptation.kd_ratio > 0 else None

    def sampled(training: AdaptationConfig, name: str) -> float:
        step = sampled_step(family, space, space.sample_architectures, teacher, training, f"plan {name}")
        return seconds(module, step, training, name)

    row("warm-up of both supernets", 1, warm_up.optimiser.epochs, sampled(warm_up, "warm-up"), 0)
    row("first archive", 1, 0, 0.0, config.archive_size * config.pre_processing)
    evaluated = config.candidates + archive + grid
    turn = _turn_seconds(space, costs_of, config)
    row("turns", config.turns, epochs, sampled(adaptation, "adaptation"), evaluated, turn)
    return pd.DataFrame(rows)


def _seconds_a_network(
    family: Family,
    space: SearchSpace,
    config: SearchConfig,
    training: AdaptationConfig,
    images: ImageSplits,
) -> float:
    """Seconds an image and network of an evaluation of many."""
    codes = SAMPLERS[config.sampling](space, min(_NETWORKS, config.archive_size), np.random.default_rng(0))
    networks = [space.decode(code) for code in codes]
    weights = training.output_weights(next(iter(family.values())))
    return seconds_an_image(family, networks, images, weights) / len(networks)


def _turn_seconds(space: SearchSpace, costs_of: CostsOf, config: SearchConfig) -> float:
    """Seconds of what a turn does beside training and evaluation."""
    one = replace(config, turns=1, pre_processing=1)
    with TemporaryDirectory() as folder:
        start = time.perf_counter()
        Search(space, _Unadapted(), costs_of, one, Progress(Path(folder))).run()
        return time.perf_counter() - start
