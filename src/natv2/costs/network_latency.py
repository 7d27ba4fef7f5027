"""Latency of a finished network: measured here, or what the table of another device expects."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from natv2.costs.config import BatchLatencyConfig
from natv2.costs.latency import network_latencies
from natv2.costs.latency_table import LatencyTable
from natv2.costs.measured_on import MeasuredOn, origin_of
from natv2.spaces.architecture import Architecture
from natv2.spaces.space import SearchSpace

LatencyOf = Callable[[Any, int], Mapping[str, float | str]]
"""Columns of a network's row, for it and its resolution: latency (ms; NaN: not known), what tells of it."""


def latency_teller(table: pd.DataFrame, config: BatchLatencyConfig, device: str) -> LatencyOf:
    """What tells the latency of networks on the device that a search's `table` is of; never on another one.

    That is latency and latency_spread as measured here, on `device`. Where the table is of another device it
    is latency as it expects it, and latency_of, which says so.
    """
    origin = origin_of(table)
    if origin is not None:
        return _expected(table, origin)

    def measured(network: Any, resolution: int) -> Mapping[str, float | str]:
        taken = network_latencies([network], resolution, config, batch=config.batch, device=device)
        return {"latency": float(taken.median[0]), "latency_spread": float(taken.spread[0])}

    return measured


def _expected(table: pd.DataFrame, origin: MeasuredOn) -> LatencyOf:
    """By the table alone: networks of several exits, and those of no search space, it does not know.

    It has times of stem and head together, so of several heads it knows no sum.
    """

    def expected(network: Any, resolution: int) -> Mapping[str, float | str]:
        architecture = getattr(network, "architecture", None)
        if not isinstance(architecture, Architecture) or len(architecture.exits) > 1:
            return {"latency": np.nan, "latency_of": f"not known on {origin}"}
        space = SearchSpace(design=network.design, resolutions=origin.resolutions, widths=origin.widths)
        latencies = LatencyTable.from_frame(table, space)(space.encode(architecture)[None])
        return {"latency": float(latencies[0]), "latency_of": f"expected on {origin}"}

    return expected


def costs_of_plain(objectives: list[str], table: pd.DataFrame) -> list[str]:
    """What plain networks are compared by: `objectives` beside accuracy, or MACs where there are none.

    Latency is not among them where the table is of another device, which has no times of theirs.
    """
    elsewhere = origin_of(table) is not None
    known = [name for name in objectives if not (elsewhere and name in ("latency", "mean_latency"))]
    return known or ["macs"]
