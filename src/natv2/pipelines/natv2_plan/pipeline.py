"""`natv2_plan`: what `natv2_search` will take with the same parameters."""

import pandas as pd
import torch
from kedro.pipeline import Node, Pipeline

from natv2.baselines.config import BaselinesConfig
from natv2.baselines.plan import FINISHING, plan_finishing
from natv2.images.image_set import ImageSplits
from natv2.objectives.costs import space_costs
from natv2.objectives.goal import Goal
from natv2.postprocess.config import PostprocessConfig
from natv2.run import Run
from natv2.search.adaptation.start import search_space
from natv2.search.adaptation.training import TargetSupernets
from natv2.search.config import SearchConfig
from natv2.search.device_table import device_latency_table
from natv2.search.latency import NO_TABLE
from natv2.search.latency_time import unmeasured_table
from natv2.search.plan import plan_search
from natv2.shrinking.config import Training
from natv2.spaces.widths import WidthsConfig
from natv2.supernets.published import PUBLISHED
from natv2.supernets.supernet import Supernet
from natv2.training.finishing import Finishing
from natv2.training.state_store import StateStore
from natv2.training.timing import track_expected

_PARAMETERS = ("training", "search", "goal", "run", "widths", "source")
_LAST = ("training", "search", "postprocess", "baselines", "run", "widths")
_STEPS = 20


def plan_stages(
    images: ImageSplits,
    training: Training,
    search: SearchConfig,
    goal: Goal,
    run: Run,
    widths: WidthsConfig,
    source: str,
    store: StateStore,
) -> pd.DataFrame:
    """Hours, memory and disk of each stage of a search, from at most 20 timed steps of each."""
    images, search, classes = images.to(run.device), search.at(images.sizes), len(images.class_names)
    family = {}
    for width in (widths.narrow, widths.wide):
        trial = Supernet(training.design, width, classes, dropout=search.dropout)
        family[width] = trial.to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    space = search_space(training.design, search, tuple(family))
    latency_table, elsewhere = NO_TABLE, search.latency.table
    if goal.needs_latency and elsewhere is not None:
        latency_table, _ = device_latency_table(elsewhere, space, classes, search.latency)
    elif goal.needs_latency:
        latency_table = unmeasured_table(space, classes)
    table = plan_search(
        TargetSupernets(family, space, images, search, run),
        space_costs(space, classes, latency_table),
        goal,
        steps=_STEPS,
        new_exits=training.design.exits[:-1] if source in PUBLISHED else (),
    )
    track_expected(table, store)
    return table


def plan_last_stages(
    images: ImageSplits,
    training: Training,
    search: SearchConfig,
    postprocess: PostprocessConfig,
    baselines: BaselinesConfig,
    run: Run,
    widths: WidthsConfig,
    store: StateStore,
) -> pd.DataFrame:
    """Hours of plain networks and of finishing by a whole schedule, from a few timed steps."""
    images, search = images.to(run.device), search.at(images.sizes)
    finishing = Finishing(
        images=images,
        config=postprocess.full,
        run=run,
        resolution=max(search.resolutions or ()),
        evaluation_batch_size=search.evaluation_batch_size,
        labels=store,
    )
    space = search_space(training.design, search, (widths.narrow, widths.wide))
    both = postprocess.start == "auto"
    networks = postprocess.expected(search.high_tradeoff)
    table = plan_finishing(finishing, space, networks, both, baselines)
    return table if postprocess.recipe == "full" else table[table["stage"] != FINISHING]


def create_pipeline() -> Pipeline:
    """Two nodes, which train a few steps of each stage and forget them."""
    inputs = ["target_images", *(f"params:{name}" for name in _PARAMETERS), "progress"]
    last = ["target_images", *(f"params:{name}" for name in _LAST), "progress"]
    return Pipeline(
        [
            Node(plan_stages, inputs=inputs, outputs="search_plan", name="search_plan"),
            Node(plan_last_stages, inputs=last, outputs="finishing_plan", name="finishing_plan"),
        ]
    )
