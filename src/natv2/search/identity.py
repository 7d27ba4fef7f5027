"""What tells one search from another, in tables and checkpoints."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from natv2.config import digest
from natv2.costs.measured_on import MeasuredOn
from natv2.images.image_set import ImageSplits
from natv2.objectives.goal import Goal
from natv2.objectives.metric import Metric, said
from natv2.run import Run
from natv2.search.config import SearchConfig
from natv2.search.moo.indicators import Hypervolume
from natv2.supernets.checkpoint import Checkpoint
from natv2.supernets.supernet import Supernet

LARGEST_WARM_UP = "warm-up of the largest network"
"""The phase of a search that each width has for itself."""

_UNTOLD = ("probes", "search", "seed")  # of an origin: results, this search, what seeds differ in


def search_settings(
    search: SearchConfig,
    goal: Goal,
    supernets: Sequence[Checkpoint],
    images: ImageSplits,
    latency: MeasuredOn | None = None,
    metric: Metric = "top1",
) -> str:
    """Tells searches of one preset apart whose other settings or images differ, or what they start from."""
    begun = [
        sorted((name, str(value)) for name, value in each.origin.items() if name not in _UNTOLD)
        for each in supernets
    ]
    seen = (len(images.train), len(images.valid), asdict(images.augmentation))
    elsewhere = [latency.times] if latency is not None else []
    return digest(search, goal.constraints, begun, seen, *elsewhere, *said(metric).values())


def search_summary(
    search: SearchConfig,
    goal: Goal,
    run: Run,
    supernets: Sequence[Checkpoint],
    images: ImageSplits,
    hypervolume: Hypervolume,
    latency: MeasuredOn | None = None,
    metric: Metric = "top1",
) -> dict[str, Any]:
    """What a search was after and what it started from; the measure of its hypervolume.

    `latency` is where its latency table comes from, if that is another device; `metric` what accuracy is.
    """
    return {
        "settings": search_settings(search, goal, supernets, images, latency, metric),
        "seed": run.seed,
        "searched_exits": search.exits,
        "supernet": supernets[0].design.label,
        "source": supernets[0].origin.get("source"),
        "dataset": images.name,
        "objectives": list(goal.objectives),
        **said(metric),
        "constraints": goal.constraints.active,
        "latency": latency.to_dict() if latency is not None else None,
        "hypervolume": hypervolume.to_dict(),
    }


def search_checkpoint(
    supernet: Supernet, before: Checkpoint, phase: str, images: ImageSplits, search: SearchConfig
) -> Checkpoint:
    """`supernet` after a phase of a search, which began with `before`."""
    origin = {**before.origin, "dataset": images.name, "search": search.model_dump(mode="json")}
    made = Checkpoint.of(supernet, classes=images.class_names, phase=phase, origin=origin)
    return replace(made, normalisation=before.normalisation)
