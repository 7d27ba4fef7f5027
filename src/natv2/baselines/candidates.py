"""Which networks without a search bear on the verdict, by what they cost."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from types import MappingProxyType

import numpy as np
import pandas as pd

from natv2.baselines.config import BaselinesConfig
from natv2.baselines.names import PLAIN
from natv2.baselines.plain import own_builds, plain_costs
from natv2.baselines.pretrained import KIND, tuned_name
from natv2.baselines.weights_files import WeightsFile
from natv2.config import digest
from natv2.costs.parts import MACS, PARAMS
from natv2.costs.table import CostTable
from natv2.errors import UserError
from natv2.randomness import numpy_generator
from natv2.spaces.architecture import Architecture, constant, described
from natv2.spaces.design import INVERTED_BOTTLENECK
from natv2.spaces.space import Codes, SearchSpace

logger = logging.getLogger("natv2")

_NEAR = 0.1  # of the MACs of the network that a random architecture stands beside
_LONGEST = 22  # characters of a name: paths have 180 at most
_DRAWN = 20_000  # random architectures, of which those near enough are taken

Latency = Callable[[Sequence[str]], Sequence[float]]
"""Milliseconds of plain networks, by their names."""


def choose_baselines(
    chosen: pd.DataFrame,
    space: SearchSpace,
    classes: int,
    costs: Sequence[str],
    config: BaselinesConfig,
    seed: int,
    latency: Latency | None = None,
    weights: Mapping[str, WeightsFile] = MappingProxyType({}),
) -> pd.DataFrame:
    """A row a network to be trained: name, kind, network, taught (with the teacher too) and its costs.

    `chosen` are the networks that they stand beside, with a column for each of `costs`. Kinds are plain,
    pretrained, scaled and random; the latter two are described as architectures. Those of which there are
    published `weights` are pretrained, those nearest in cost, and tell the SHA-256 of their file. Raises
    UserError as `plain_costs`.
    """
    measured = latency if "latency" in costs else None
    plain = _plain_candidates(config, classes, space.resolutions[-1], measured)
    # Of networks that a person lists, those nearest to the chosen ones are taught, whatever others there are.
    pool = plain if config.networks is None else plain[plain["network"].isin(config.networks)]
    below, above = _nearest(pool, chosen, costs)
    wanted = below | above if config.networks is None else set(pool["name"])
    if config.teacher is not None:
        wanted |= {_file_name(config.teacher)}
    plain = plain[plain["name"].isin(wanted)].assign(
        kind="plain", taught=lambda rows: rows["name"].isin(below)
    )
    own = pd.DataFrame(_own_candidates(chosen["macs"], space, classes, config, seed))
    tuned = _pretrained_candidates(weights, classes, space.resolutions[-1], measured)
    if len(tuned):
        # They stand apart: which plain networks are nearest does not depend on whose weights are there.
        tuned = tuned[tuned["name"].isin(set.union(*_nearest(tuned, chosen, costs)))]
    return pd.concat([plain, tuned, own], ignore_index=True).reset_index(drop=True)


def _nearest(pool: pd.DataFrame, chosen: pd.DataFrame, costs: Sequence[str]) -> tuple[set[str], set[str]]:
    """Names of those of `pool` that are next below each of `chosen` in each of `costs`, and next above."""
    below, above = set[str](), set[str]()
    for cost, limit in ((each, limit) for each in costs for limit in chosen[each]):
        ranked = pool.sort_values(cost)
        below |= set(ranked["name"][ranked[cost] <= limit].tail(1))
        above |= set(ranked["name"][ranked[cost] > limit].head(1))
    return below, above


def _plain_candidates(
    config: BaselinesConfig, classes: int, resolution: int, latency: Latency | None
) -> pd.DataFrame:
    """All plain networks that can be had, with their costs; those named in `config` must be."""
    named = {*(config.networks or ()), *([config.teacher] if config.teacher else [])}
    builds = own_builds(config)
    rows, missing = [], []
    for name in dict.fromkeys([*PLAIN, *sorted(named)]):
        try:
            costs = plain_costs(name, classes, resolution, builds.get(name))
        except UserError as error:
            if name in named:
                raise
            missing.append(error.message)
            continue
        rows.append({"name": _file_name(name), "network": name, **costs._asdict()})
    for message in dict.fromkeys(missing):
        logger.info("not among the plain networks: %s", message)
    table = pd.DataFrame(rows)
    if latency is not None:
        table["latency"] = list(latency(table["network"].tolist()))
    return table


def _pretrained_candidates(
    weights: Mapping[str, WeightsFile], classes: int, resolution: int, latency: Latency | None
) -> pd.DataFrame:
    """All networks that there are `weights` of, with their costs."""
    rows = [
        {
            "name": tuned_name(name),
            "network": name,
            **plain_costs(name, classes, resolution)._asdict(),
            "kind": KIND,
            "taught": False,
            "weights": f"sha256:{file.sha256}",
        }
        for name, file in weights.items()
    ]
    table = pd.DataFrame(rows)
    if rows and latency is not None:
        table["latency"] = list(latency(list(weights)))
    return table


def _own_candidates(
    macs: pd.Series, space: SearchSpace, classes: int, config: BaselinesConfig, seed: int
) -> Iterator[dict[str, object]]:
    """Of the search's own space: for each of `macs` a uniformly scaled network, and random ones."""
    table = CostTable(space=space, classes=classes)

    def row(name: str, kind: str, code: Codes) -> dict[str, object]:
        counted = table(code[None])[0]
        known = {"params": int(counted[PARAMS]), "macs": int(counted[MACS])}
        architecture = described(space.decode(code))
        return {"name": name, "kind": kind, "network": kind, "taught": True, **known, **architecture}

    # One a name: those that differ by less than names say would be trained in each other's place.
    limits = sorted({_short(int(limit)): int(limit) for limit in sorted(macs)}.values(), reverse=True)
    if config.scaled:
        scaled = np.stack([space.encode(each) for each in _constants(space)])
        cost = table(scaled)[:, MACS]
        for limit in limits:
            within = np.flatnonzero(cost <= limit)
            if len(within):
                yield row(f"scaled_{_short(limit)}", "scaled", scaled[within[cost[within].argmax()]])
    if config.random:
        codes = space.sample_architectures(_DRAWN, numpy_generator(seed, "random baselines"))
        cost = table(codes)[:, MACS]
        for limit in limits:
            near = np.flatnonzero(np.abs(cost / limit - 1) <= _NEAR)[: config.random]
            for number, index in enumerate(near, start=1):
                yield row(f"random_{_short(limit)}_{number}", "random", codes[index])


def _constants(space: SearchSpace) -> Iterator[Architecture]:
    """Every architecture with one value of each elastic dimension throughout."""
    design = space.design
    grid = product(
        space.resolutions,
        space.widths,
        design.exits,
        design.depths,
        design.kernels,
        design.expand_ratios,
    )
    for resolution, width, exit, depth, kernel, ratio in grid:
        yield constant(
            design,
            resolution=resolution,
            width=width,
            exits=(exit,),
            depth=depth,
            kernel=kernel,
            expand_ratio=ratio,
            mask=INVERTED_BOTTLENECK,
        )


def _file_name(network: str) -> str:
    """What its file is called: a person's own name cut where it is longer than those of the table."""
    name = network.replace(":", ".")
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 9]}_{digest(name)}"


def _short(macs: int) -> str:
    return f"{macs / 1e6:.3g}M"
