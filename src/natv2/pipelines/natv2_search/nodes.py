"""Nodes of `natv2_search`: warm-up, search and report."""

from typing import Any

import pandas as pd
import torch
from matplotlib.figure import Figure as Image
from plotly.graph_objects import Figure

from natv2.costs.latency_table import LatencyTable
from natv2.costs.parts import MACS, PARAMS
from natv2.costs.table import CostTable
from natv2.devices import Precision, resolve_device
from natv2.errors import UserError
from natv2.images.image_set import ImageSplits
from natv2.objectives.constraint_config import ConstraintParameters
from natv2.pipelines.natv2_search.configuration import (
    asks_for_latency,
    configure_adaptation,
    configure_latency,
    configure_search,
    configure_warm_up,
    settings_digest,
)
from natv2.reporting.front import front_figure, front_image
from natv2.search.adaptation.start import adapted_supernet, remark_on_teacher
from natv2.search.adaptation.subnets import AdaptableFamily
from natv2.search.adaptation.training import adapt, warm_up_largest, widest_teacher
from natv2.search.config import SearchParameters
from natv2.search.feasible.feasibility import check_constraints
from natv2.search.latency import NO_CHECK, NO_TABLE, known_latency_table, latency_error
from natv2.search.moo.evolution import CostsOf
from natv2.search.report.architectures import architectures_figure
from natv2.search.report.description import describe_turns
from natv2.search.report.fronts_by_turn import extremes, fronts_figure
from natv2.search.report.turns import search_figure
from natv2.search.search import Search
from natv2.spaces.space import Codes, SearchSpace
from natv2.supernets.checkpoint import Checkpoint
from natv2.supernets.supernet import Supernet
from natv2.training.state_store import Progress


def know_costs(
    narrow: Checkpoint,
    wide: Checkpoint,
    images: ImageSplits,
    search: SearchParameters,
    objectives: tuple[str, ...],
    constraints: ConstraintParameters,
    teacher: str,
    threads: int | None,
    seed: int,
    device: str,
    store: Progress,
    progress: Progress,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Before anything is trained: the latency table of the space on this device, and its check.

    Both are empty where latency is neither an objective nor constrained. Raises UserError where no network
    can keep the constraints on costs.
    """
    for supernet in (narrow, wide):
        remark_on_teacher(supernet, teacher)
    space = search_space(narrow, wide, search.at(images.sizes))
    bounds = constraints.constraints()
    if not asks_for_latency(objectives, constraints):
        check_constraints(space, costs(space, images, NO_TABLE), bounds)
        return NO_TABLE, NO_CHECK
    config = configure_latency(search, threads, device)
    table, check = known_latency_table(
        store, space, len(images.class_names), config, force=search.latency.force, seed=seed
    )
    progress.track(latency_error(check), 0)
    check_constraints(space, costs(space, images, table.to_frame()), bounds)
    return table.to_frame(), check


def warm_up_largest_network(
    checkpoint: Checkpoint,
    images: ImageSplits,
    search: SearchParameters,
    seed: int,
    device: str,
    precision: Precision,
    progress: Progress,
) -> Checkpoint:
    """Train the largest network of one width on the target images, with classifiers for their classes."""
    target = resolve_device(device)
    if search.init_from is not None:
        checkpoint = adapted_supernet(search.init_from, checkpoint)
    supernet = checkpoint.supernet(dropout=search.dropout)
    if checkpoint.classes != images.class_names:
        supernet = supernet.replace_classifiers(len(images.class_names), seed)
    supernet.to(target)
    search = search.at(images.sizes)
    assert search.resolutions is not None
    config = configure_warm_up(search, search.warm_up.largest_epochs, seed, precision)
    warm_up_largest(
        supernet, search.resolutions[-1], images=images.to(target), config=config, progress=progress
    )
    return _checkpoint(supernet, images, "warm-up of the largest network", checkpoint, search)


def warm_up_supernets(
    narrow: Checkpoint,
    wide: Checkpoint,
    images: ImageSplits,
    search: SearchParameters,
    seed: int,
    device: str,
    precision: Precision,
    progress: Progress,
) -> tuple[Checkpoint, Checkpoint]:
    """Train both supernets by uniform sampling; the largest wide network teaches."""
    target = resolve_device(device)
    search, images = search.at(images.sizes), images.to(target)
    family = adapted_family(narrow, wide, search, target)
    space = search_space(narrow, wide, search)
    config = configure_warm_up(search, search.warm_up.supernet_epochs, seed, precision)
    teacher = widest_teacher(family, space, images, config) if search.kd_ratio > 0 else None
    adapt(
        family,
        space,
        space.sample_architectures,
        teacher=teacher,
        images=images,
        config=config,
        progress=progress,
    )
    return _checkpoints(family, images, "warm-up", (narrow, wide), search)


def search_networks(
    narrow: Checkpoint,
    wide: Checkpoint,
    images: ImageSplits,
    latency_table: pd.DataFrame,
    search: SearchParameters,
    objectives: tuple[str, ...],
    constraints: ConstraintParameters,
    preset: str,
    seed: int,
    device: str,
    precision: Precision,
    progress: Progress,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, Any], Checkpoint, Checkpoint]:
    """All turns.

    Gives the archive, what it was behind each turn, the predictor's data, the turns' figures, their summary
    and the adapted supernets.
    """
    target = resolve_device(device)
    search, images = search.at(images.sizes), images.to(target)
    family, space = adapted_family(narrow, wide, search, target), search_space(narrow, wide, search)
    config = configure_search(search, tuple(objectives), seed, constraints.constraints())
    subnets = AdaptableFamily(
        family,
        space,
        images,
        configure_adaptation(search, seed, precision),
        epochs=search.adaptation.epochs,
        evaluation_batch_size=search.evaluation_batch_size,
        progress=progress,
    )
    result = Search(space, subnets, costs(space, images, latency_table), config, progress).run()
    by_turn = describe_turns(
        result.archives, space, config.objectives, search.high_tradeoff, config.constraints
    )
    summary = {
        "preset": preset,
        "settings": settings_digest(search, constraints, (narrow, wide), images),
        "seed": seed,
        "supernet": narrow.design.label,
        "source": narrow.origin.get("source"),
        "dataset": images.name,
        "objectives": list(config.objectives),
        "constraints": config.constraints.active,
        "hypervolume": result.hypervolume.to_dict(),
    }
    adapted = _checkpoints(family, images, "adaptation", (narrow, wide), search)
    archive = by_turn[by_turn["at_turn"] == by_turn["at_turn"].max()].drop(columns="at_turn")
    return (
        archive.reset_index(drop=True),
        by_turn,
        result.archive.to_frame(),
        result.history,
        summary,
        *adapted,
    )


def report_search(
    archive: pd.DataFrame, by_turn: pd.DataFrame, history: pd.DataFrame, summary: dict[str, Any]
) -> tuple[pd.DataFrame, Figure, Image, Figure, Figure, Figure]:
    """The front, its figure and image, the turns' curves, their fronts and their architectures.

    Fronts are drawn against the first objective beside accuracy, or by turn where there is none.
    """
    front = archive[archive["non_dominated"]].sort_values("accuracy", ascending=False, ignore_index=True)
    others = [name for name in summary["objectives"] if name != "accuracy"]
    axis = others[0] if others else "turn"
    marked = extremes(by_turn)
    return (
        front,
        front_figure(archive, front, None, axis, marked),
        front_image(archive, front, None, axis, marked),
        search_figure(history, summary),
        fronts_figure(by_turn, axis),
        architectures_figure(by_turn),
    )


def costs(space: SearchSpace, images: ImageSplits, latency_table: pd.DataFrame) -> CostsOf:
    """The objectives beside accuracy of codes of `space`; latency where the table is not empty."""
    table = CostTable(space=space, classes=len(images.class_names))
    latency = None if latency_table.empty else LatencyTable.from_frame(latency_table, space)

    def costs_of(codes: Codes) -> pd.DataFrame:
        counted = table(codes)
        frame = pd.DataFrame({"params": counted[:, PARAMS], "macs": counted[:, MACS]})
        return frame if latency is None else frame.assign(latency=latency(codes))

    return costs_of


def search_space(narrow: Checkpoint, wide: Checkpoint, search: SearchParameters) -> SearchSpace:
    """All networks of two supernets; raises UserError where these are of different designs."""
    assert search.resolutions is not None
    if narrow.design != wide.design:
        raise UserError(
            f"the two supernets differ: {narrow.design.label} at width {narrow.width}, "
            f"{wide.design.label} at width {wide.width}; train both with the same command, or name them "
            "with --load-versions"
        )
    return SearchSpace(
        design=narrow.design, resolutions=search.resolutions, widths=(narrow.width, wide.width)
    )


def adapted_family(
    narrow: Checkpoint, wide: Checkpoint, search: SearchParameters, target: torch.device
) -> dict[float, Supernet]:
    """The supernets of two checkpoints by their widths."""
    return {c.width: c.supernet(dropout=search.dropout).to(target) for c in (narrow, wide)}


def _checkpoints(
    family: dict[float, Supernet],
    images: ImageSplits,
    phase: str,
    before: tuple[Checkpoint, Checkpoint],
    search: SearchParameters,
) -> tuple[Checkpoint, Checkpoint]:
    narrow, wide = (_checkpoint(family[c.width], images, phase, c, search) for c in before)
    return narrow, wide


def _checkpoint(
    supernet: Supernet, images: ImageSplits, phase: str, before: Checkpoint, search: SearchParameters
) -> Checkpoint:
    origin = {**before.origin, "dataset": images.name, "search": search.model_dump(mode="json")}
    return Checkpoint.of(supernet, classes=images.class_names, phase=phase, origin=origin)
