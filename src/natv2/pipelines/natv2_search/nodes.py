"""Nodes of `natv2_search`: warm-up, search and report."""

from dataclasses import replace
from typing import Any, TypeAlias

import pandas as pd
from plotly.graph_objects import Figure

from natv2.costs.measured_on import origin_of
from natv2.images.image_set import ImageSplits
from natv2.objectives.costs import space_costs
from natv2.objectives.goal import Goal
from natv2.objectives.metric import Metric, said
from natv2.objectives.objectives import first_cost
from natv2.reporting.front import front_figure, front_image
from natv2.reporting.style import Image
from natv2.run import Run
from natv2.search.adaptation.keeping import (
    KeptSupernets,
    SupernetKeeper,
    kept_supernets,
)
from natv2.search.adaptation.start import (
    beginning,
    common_space,
    new_target_supernet,
    remark_on_teacher,
    target_supernets,
)
from natv2.search.adaptation.subnets import AdaptableFamily
from natv2.search.adaptation.training import adapt, warm_up_heads, warm_up_largest
from natv2.search.config import SearchConfig
from natv2.search.device_table import device_latency_table
from natv2.search.feasible.feasibility import check_constraints
from natv2.search.identity import LARGEST_WARM_UP, search_checkpoint, search_summary
from natv2.search.latency import NO_CHECK, NO_TABLE, known_latency_table, latency_error
from natv2.search.report.architectures import architectures_figure
from natv2.search.report.description import describe_turns
from natv2.search.report.fronts_by_turn import extremes, fronts_figure
from natv2.search.report.turns import search_figure
from natv2.search.search import Search
from natv2.shrinking.config import Training
from natv2.supernets.checkpoint import Checkpoint
from natv2.training.state_store import StateStore

Found: TypeAlias = tuple[
    pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, Any], Checkpoint, Checkpoint
]


def know_costs(
    narrow: Checkpoint,
    wide: Checkpoint,
    images: ImageSplits,
    search: SearchConfig,
    goal: Goal,
    training: Training,
    run: Run,
    known_tables: StateStore,
    store: StateStore,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Before anything is trained: the latency table of the space, on this device or another, and its check.

    Both are empty where latency is neither an objective nor constrained. Raises UserError where no network
    can keep the constraints on costs.
    """
    for supernet in (narrow, wide):
        remark_on_teacher(supernet, training.teacher, training.schedule)
    classes = len(images.class_names)
    space = common_space(narrow, wide, search.at(images.sizes))
    table, check = NO_TABLE, NO_CHECK
    if goal.needs_latency:
        if search.latency.table is not None:
            table, check = device_latency_table(search.latency.table, space, classes, search.latency)
        else:
            latencies, check = known_latency_table(known_tables, space, classes, search.latency, run)
            table = latencies.to_frame()
        store.track(latency_error(check), 0)
    check_constraints(space, space_costs(space, classes, table), goal.constraints)
    return table, check


def warm_up_largest_network(
    checkpoint: Checkpoint, images: ImageSplits, search: SearchConfig, run: Run, store: StateStore
) -> Checkpoint:
    """Train the largest network of one width on the target images, with classifiers for their classes.

    Heads that are new in an imported supernet are trained before that.
    """
    start = beginning(checkpoint, search)
    supernets = new_target_supernet(start, images, search, run)
    (supernet,) = supernets.family.values()
    if start.new_exits:
        warm_up_heads(supernets, supernet, start.new_exits, store.child("heads"))
    warm_up_largest(supernets, supernet, store)
    before = replace(checkpoint, normalisation=start.normalisation)
    return search_checkpoint(supernet, before, LARGEST_WARM_UP, images, supernets.config)


def warm_up_supernets(
    narrow: Checkpoint,
    wide: Checkpoint,
    images: ImageSplits,
    search: SearchConfig,
    run: Run,
    store: StateStore,
) -> tuple[Checkpoint, Checkpoint]:
    """Train both supernets by uniform sampling of networks of one exit; the largest wide network teaches.

    So searches of one exit and of many begin with the same supernets.
    """
    supernets = target_supernets(narrow, wide, images, search.of_one_exit, run)
    adapt(
        supernets,
        supernets.space.sample_architectures,
        search.warm_up.supernets,
        teacher=supernets.teacher(),
        store=store,
    )
    family, config = supernets.family, supernets.config
    return (
        search_checkpoint(family[narrow.width], narrow, "warm-up", images, config),
        search_checkpoint(family[wide.width], wide, "warm-up", images, config),
    )


def search_networks(
    narrow: Checkpoint,
    wide: Checkpoint,
    images: ImageSplits,
    latency_table: pd.DataFrame,
    search: SearchConfig,
    goal: Goal,
    preset: str,
    run: Run,
    store: StateStore,
    metric: Metric = "top1",
) -> Found:
    """All turns, accuracy being by `metric`.

    Gives the archive, what it was after each turn, the predictor's data, the turns' figures, their summary
    and the adapted supernets.
    """
    supernets = target_supernets(narrow, wide, images, search, run)
    space, config = supernets.space, supernets.config
    costs_of = space_costs(space, len(images.class_names), latency_table)

    def checkpoints(phase: str) -> tuple[Checkpoint, Checkpoint]:
        first, second = (
            search_checkpoint(supernets.family[each.width], each, phase, images, config)
            for each in (narrow, wide)
        )
        return first, second

    def snapshot(turn: int) -> dict[str, Checkpoint]:
        return dict(zip(("narrow", "wide"), checkpoints(f"adaptation of turn {turn}"), strict=True))

    keeper = SupernetKeeper(snapshot, store) if config.keep_supernets else None
    subnets = AdaptableFamily(supernets, store, keeper, metric)
    result = Search(space, subnets, costs_of, config, goal, run.seed, store, metric).run()
    by_turn = describe_turns(result.archives, space, goal.objectives, search.high_tradeoff, goal.constraints)
    by_turn, latency = by_turn.assign(**said(metric)), origin_of(latency_table)
    summary = search_summary(config, goal, run, (narrow, wide), images, result.hypervolume, latency, metric)
    archive = by_turn[by_turn["at_turn"] == by_turn["at_turn"].max()].drop(columns="at_turn")
    return (
        archive.reset_index(drop=True),
        by_turn,
        result.archive.to_frame().assign(**said(metric)),
        result.history,
        {"preset": preset, **summary},
        *checkpoints("adaptation"),
    )


def search_and_keep(
    narrow: Checkpoint,
    wide: Checkpoint,
    images: ImageSplits,
    latency_table: pd.DataFrame,
    search: SearchConfig,
    goal: Goal,
    preset: str,
    run: Run,
    store: StateStore,
    metric: Metric = "top1",
) -> tuple[*Found, KeptSupernets]:
    """What `search_networks` gives, and the supernets after each turn: none unless they were to be kept."""
    found = search_networks(narrow, wide, images, latency_table, search, goal, preset, run, store, metric)
    return *found, kept_supernets(store)


def report_search(
    archive: pd.DataFrame, by_turn: pd.DataFrame, history: pd.DataFrame, summary: dict[str, Any]
) -> tuple[pd.DataFrame, Figure, Image, Figure, Figure, Figure]:
    """The front, its figure and image, the turns' curves, their fronts and their architectures.

    Fronts are drawn against the first objective beside accuracy, or by turn where there is none.
    """
    front = archive[archive["non_dominated"]].sort_values("accuracy", ascending=False, ignore_index=True)
    axis = first_cost(tuple(summary["objectives"]), "turn")
    figure = front_figure(archive, front, None, axis, extremes(by_turn))
    return (
        front,
        figure,
        front_image(figure),
        search_figure(history, summary),
        fronts_figure(by_turn, axis),
        architectures_figure(by_turn),
    )
