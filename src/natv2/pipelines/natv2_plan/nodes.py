"""The node of `natv2_plan`."""

import time

import pandas as pd
import torch

from natv2.config import WidthParameters
from natv2.devices import Precision, resolve_device
from natv2.images.image_set import ImageSplits
from natv2.objectives.constraint_config import ConstraintParameters
from natv2.pipelines.natv2_search.configuration import (
    asks_for_latency,
    configure_adaptation,
    configure_latency,
    configure_search,
    configure_warm_up,
)
from natv2.pipelines.natv2_search.nodes import costs
from natv2.search.config import SearchParameters
from natv2.search.latency import NO_TABLE, build_latency_table
from natv2.search.plan import plan_search
from natv2.shrinking.eps_config import ElasticParameters
from natv2.spaces.space import SearchSpace
from natv2.supernets.supernet import Supernet
from natv2.training.state_store import Progress

_STEPS = 20


def plan_stages(
    images: ImageSplits,
    supernet: str,
    elastic: ElasticParameters,
    search: SearchParameters,
    objectives: tuple[str, ...],
    constraints: ConstraintParameters,
    seed: int,
    precision: Precision,
    widths: WidthParameters,
    threads: int | None,
    device: str,
    progress: Progress,
) -> pd.DataFrame:
    """Hours, memory and disk of each stage of a search, from 20 timed steps of each."""
    design, target = elastic.design(supernet), resolve_device(device)
    images, search = images.to(target), search.at(images.sizes)
    assert search.resolutions is not None
    family = {}
    for width in (widths.narrow, widths.wide):
        trial = Supernet(design, width, len(images.class_names), dropout=search.dropout)
        family[width] = trial.to(target, memory_format=torch.channels_last)  # type: ignore[call-overload]
    space = SearchSpace(design=design, resolutions=search.resolutions, widths=(widths.narrow, widths.wide))
    latency_table, latency_seconds = NO_TABLE, 0.0
    if asks_for_latency(objectives, constraints):
        start, config = time.perf_counter(), configure_latency(search, threads, device)
        latency_table = build_latency_table(space, len(images.class_names), config, seed=seed)[0].to_frame()
        latency_seconds = time.perf_counter() - start
    table = plan_search(
        family,
        space,
        costs(space, images, latency_table),
        latency_seconds=latency_seconds,
        images=images,
        config=configure_search(search, tuple(objectives), seed),
        warm_up=configure_warm_up(search, search.warm_up.supernet_epochs, seed, precision),
        largest_epochs=search.warm_up.largest_epochs,
        adaptation=configure_adaptation(search, seed, precision),
        epochs=search.adaptation.epochs,
        steps=_STEPS,
    )
    hours = table[["training", "evaluation", "search"]].sum()
    expected = {f"{name}_hours": float(value) for name, value in hours.items()}
    progress.track({**expected, "memory": table["memory"].max(), "disk": table["disk"].sum()}, 0)
    return table
