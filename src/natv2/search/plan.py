"""What a search will take, from a few timed steps and evaluations of each of its stages."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from natv2.objectives.costs import CostsOf
from natv2.objectives.goal import Goal
from natv2.randomness import numpy_generator
from natv2.search.adaptation.subnets import extreme_networks
from natv2.search.adaptation.training import (
    Sampler,
    TargetSupernets,
    frozen_trunk,
    largest_step,
    sampled_step,
)
from natv2.search.candidates import SAMPLERS
from natv2.search.search import Search
from natv2.spaces.space import Codes
from natv2.training.loop import Step
from natv2.training.schedule import SubnetSchedule
from natv2.training.state_store import StateStore
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
    supernets: TargetSupernets,
    costs_of: CostsOf,
    goal: Goal,
    *,
    latency_seconds: float,
    steps: int,
    new_exits: Sequence[int] = (),
) -> pd.DataFrame:
    """What each stage of a search over `supernets` is expected to take; their weights stay as they are.

    A row a stage: stage, times (how often), epochs and steps (each time), step_ms, networks (evaluated each
    time); training, evaluation and search (predictor, evolution, choice) in hours, of all times together;
    memory (peak of the process or of the GPU so far) and disk (bytes). `latency_seconds` are those of a
    latency table, were there one; `new_exits` those whose heads are trained first.
    """
    config, images = supernets.config, supernets.images
    batches = supernets.epochs("plan").steps
    calibrated = min(config.calibration.images, len(images.train))
    a_network = _seconds_a_network(supernets) * (len(images.valid) + calibrated)
    module = nn.ModuleList(supernets.family.values())

    def row(
        stage: str, times: int, epochs: int = 0, step: float = 0.0, networks: int = 0, search: float = 0.0
    ) -> dict[str, Any]:
        return {
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

    rows = [row("latency table", 1, search=latency_seconds)] if latency_seconds else []
    rows += _warm_up_rows(supernets, row, steps, new_exits)
    rows.append(row("first archive", 1, networks=config.archive_size * config.pre_processing))
    rows.append(
        row(
            "turns",
            config.turns,
            config.adaptation.epochs,
            _sampled_seconds(supernets, config.adaptation.over(config.turns), "adaptation", steps),
            _evaluated_a_turn(supernets),
            _turn_seconds(supernets, costs_of, goal),
        )
    )
    if config.keep_supernets:
        rows[-1]["disk"] += config.turns * weight_bytes(module)
    return pd.DataFrame(rows)


def _warm_up_rows(
    supernets: TargetSupernets, row: Callable[..., dict[str, Any]], steps: int, new_exits: Sequence[int]
) -> list[dict[str, Any]]:
    warm_up, name, heads = supernets.config.warm_up, "warm-up of the largest network", "warm-up of new heads"
    rows = []
    for width, supernet in supernets.family.items():
        step = largest_step(supernets, supernet)
        if new_exits:
            with frozen_trunk(supernet, new_exits):
                seconds = _seconds(supernets, supernet, step, heads, steps)
            rows.append(row(f"{heads}, width {width:g}", 1, warm_up.heads_epochs, seconds))
        seconds = _seconds(supernets, supernet, step, name, steps)
        rows.append(row(f"{name}, width {width:g}", 1, warm_up.largest_epochs, seconds))
    seconds = _sampled_seconds(supernets, warm_up.supernets, "warm-up", steps)
    return [*rows, row("warm-up of both supernets", 1, warm_up.supernet_epochs, seconds)]


def _sampled_seconds(supernets: TargetSupernets, schedule: SubnetSchedule, name: str, steps: int) -> float:
    """Seconds of a step of `schedule`."""
    sampler, teacher = supernets.space.sample_architectures, supernets.teacher()
    step = sampled_step(supernets, sampler, schedule, teacher, f"plan {name}")
    return _seconds(supernets, nn.ModuleList(supernets.family.values()), step, name, steps)


def _seconds(supernets: TargetSupernets, module: nn.Module, step: Step, name: str, steps: int) -> float:
    return step_seconds(
        module,
        step,
        supernets.epochs(f"plan {name}"),
        optimiser=supernets.config,
        precision=supernets.run.precision,
        steps=steps,
    )


def _evaluated_a_turn(supernets: TargetSupernets) -> int:
    """Networks evaluated in a turn: candidates, the archive again, the supernets' own validation."""
    config = supernets.config
    # An archive that grows has half of what it gains on average.
    gained = config.candidates * (config.turns + 1) / 2 if config.growth == "grow" else 0
    archive = round(config.archive_size + gained)
    return config.candidates + archive + len(extreme_networks(supernets.space))


def _seconds_a_network(supernets: TargetSupernets) -> float:
    """Seconds an image and network of an evaluation of many."""
    config, space = supernets.config, supernets.space
    codes = SAMPLERS[config.sampling](space, min(_NETWORKS, config.archive_size), np.random.default_rng(0))
    networks = [space.decode(code) for code in codes]
    weights = supernets.exit_weights.output
    return seconds_an_image(supernets.family, networks, supernets.images, weights) / len(networks)


def _turn_seconds(supernets: TargetSupernets, costs_of: CostsOf, goal: Goal) -> float:
    """Seconds of what a turn does beside training and evaluation."""
    one = supernets.config.model_copy(update={"turns": 1, "pre_processing": 1})
    with TemporaryDirectory() as folder:
        start, store = time.perf_counter(), StateStore(Path(folder))
        Search(supernets.space, _Unadapted(), costs_of, one, goal, supernets.run.seed, store).run()
        return time.perf_counter() - start
