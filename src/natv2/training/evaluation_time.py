"""What an evaluation of many subnets will take, from one of few of them."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from natv2.bar import quiet
from natv2.costs.parts import MACS, head_cost, level_cost, stage_sizes, stem_cost
from natv2.images.batches import evaluation_batches
from natv2.images.image_set import ImageSplits
from natv2.spaces.architecture import Architecture
from natv2.spaces.channels import channel_plan
from natv2.supernets.network import FIRST, STEM
from natv2.supernets.supernet import Supernet
from natv2.training.evaluation import Evaluator, Family
from natv2.training.prefix_tree import Node, prefix_tree

_IMAGES, _MORE = 64, 256  # that an evaluation is timed with, as many for its calibration
_PROBE_IMAGES, _PROBE_NETWORKS = 16, 4  # of a first look at how fast it is

Evaluate = Callable[[Evaluator, Family, Sequence[Architecture], str], object]
"""An evaluation of networks, with what the bar calls it."""


@dataclass(frozen=True)
class EvaluationTime:
    """Seconds that an image takes, calibrating or tested: of all, and of a multiply-accumulate of them.

    `networks` is how many were really run; 0 where another evaluation tells.
    """

    seconds: float
    a_mac: float
    networks: int


def evaluation_time(
    family: Family,
    networks: Sequence[Architecture],
    images: ImageSplits,
    exit_weights: tuple[float, ...],
    *,
    seconds: float,
    known: EvaluationTime | None = None,
    evaluate: Evaluate = Evaluator.accuracies,
) -> EvaluationTime:
    """What an image takes when `evaluate` runs `networks`, from at most about so many `seconds` of it.

    Where that is short some of them are run, and the others are told by their multiply-accumulates: each part
    of a prefix tree counts once. Without any time all are told by what is `known` of others.
    """
    start = time.perf_counter()
    few = sorted(networks, key=lambda network: network.resolution)[:_PROBE_NETWORKS]
    whole = macs = shared_macs(family, networks)
    if seconds == 0 and known is not None:
        return EvaluationTime(known.a_mac * whole, known.a_mac, 0)
    a_mac = _seconds_an_image(family, few, images, exit_weights, _PROBE_IMAGES, evaluate) / shared_macs(
        family, few
    )
    left, chosen = seconds - (time.perf_counter() - start), list(networks)
    while 2 * _IMAGES * a_mac * macs > left and len(chosen) > len(few):
        half = np.random.default_rng(0).permutation(len(chosen))[: max(len(few), len(chosen) // 2)]
        chosen = [chosen[index] for index in sorted(half)]
        macs = shared_macs(family, chosen)
    if 2 * _IMAGES * a_mac * macs > left:
        return EvaluationTime(a_mac * whole, a_mac, len(few))
    begun = time.perf_counter()
    a_mac = _seconds_an_image(family, chosen, images, exit_weights, _IMAGES, evaluate) / macs
    now = time.perf_counter()
    # With few images what is done once for a network looks large: 1.4 times the truth where more say 1.2.
    if (now - begun) * _MORE / _IMAGES < seconds - (now - start) and len(images.train) > _IMAGES:
        a_mac = _seconds_an_image(family, chosen, images, exit_weights, _MORE, evaluate) / macs
    return EvaluationTime(a_mac * whole, a_mac, len(chosen))


def _seconds_an_image(
    family: Family,
    networks: Sequence[Architecture],
    images: ImageSplits,
    exit_weights: tuple[float, ...],
    count: int,
    evaluate: Evaluate,
) -> float:
    few = images.train.subset(torch.arange(min(count, len(images.train))))
    batches = list(evaluation_batches(images, few, len(few)))
    evaluator = Evaluator(calibration=batches, images=batches, exit_weights=exit_weights)
    start = time.perf_counter()
    with quiet():
        evaluate(evaluator, family, networks, "plan")
    return (time.perf_counter() - start) / (2 * len(few))


def shared_macs(family: Family, networks: Sequence[Architecture]) -> int:
    """Multiply-accumulates of an image in `networks` evaluated together: what they share counts once."""
    groups: dict[tuple[int, float], dict[int, Architecture]] = {}
    for position, network in enumerate(networks):
        groups.setdefault((network.resolution, network.width), {})[position] = network
    return sum(
        _tree_macs(family[width], members, resolution) for (resolution, width), members in groups.items()
    )


def _tree_macs(supernet: Supernet, members: Mapping[int, Architecture], resolution: int) -> int:
    plan, sizes = channel_plan(supernet.design, supernet.width), stage_sizes(resolution)
    known: dict[object, int] = {}

    def macs(node: Node) -> int:
        part = node.part
        if part not in known:
            if part in (STEM, FIRST):  # both are in the cost of the stem
                known[part] = int(stem_cost(plan, resolution)[MACS]) if part == STEM else 0
            else:
                _, stage, _, level = part.place.split(".")
                size = sizes[int(stage)] if part.opens_stage else sizes[int(stage) + 1]
                here = plan.level(int(stage), int(level))
                cost = level_cost(here, size, part.mask, part.kernel, part.expand_ratio)
                known[part] = int(cost[MACS])
        total = known[part]
        for exit in node.heads:
            if exit not in known:
                known[exit] = int(head_cost(plan, exit, sizes[exit], supernet.classes)[MACS])
            total += known[exit]
        return total + sum(macs(branch) for branch in node.branches.values())

    return macs(prefix_tree(members))
