"""A latency table of a search space, built of what each part takes on a device, and how far it is true."""

import json
import logging
import platform
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pandas as pd
import scipy
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from natv2.costs.config import BatchLatencyConfig
from natv2.costs.latency import Latencies, measure
from natv2.costs.latency_table import LatencyTable
from natv2.errors import UserError
from natv2.nn.layers import initialise
from natv2.randomness import numpy_generator, torch_generator
from natv2.run import Run
from natv2.search.space_parts import SpaceParts
from natv2.spaces.design import IMAGE_CHANNELS
from natv2.spaces.space import Codes, SearchSpace
from natv2.supernets.network import Network
from natv2.training.state_store import State, StateStore

logger = logging.getLogger("natv2")

LEAST_SPEARMAN = 0.9
"""The least Spearman correlation of expected and measured latencies that a search relies on."""

NO_TABLE = pd.DataFrame(columns=["resolution", "width", "place", "choice", "milliseconds"])
NO_CHECK = pd.DataFrame(columns=["expected_ms", "measured_ms", "spread_ms"])
"""What there is of a table and its check where nobody asks for latency."""

FITTED, _HELD_OUT = 15, 30
CHECKED = FITTED + _HELD_OUT
"""Whole networks that are measured too, the first 15 to fit the table."""

_WHAT_HELPS = "leave the machine to itself or raise search.latency.repetitions"

_CPU_INFO = Path("/proc/cpuinfo")  # of Linux, where `platform.processor` knows nothing


def build_latency_table(
    space: SearchSpace, classes: int, config: BatchLatencyConfig, run: Run
) -> tuple[LatencyTable, pd.DataFrame]:
    """The table, and its check on 30 other networks: expected_ms, measured_ms and spread_ms of each.

    Each different part is measured by itself, and their sums are brought to the scale of whole networks by a
    line fitted to 15 of these, none of them among the 30. The weights are random: no time depends on them.
    """
    parts = SpaceParts(space, classes)
    summed = parts.table(measured_modules(parts.modules, parts.inputs, config, run).median)
    codes = space.sample_architectures(CHECKED, numpy_generator(run.seed, "latency"))
    whole = _networks(space, codes, classes, config, run)
    table = scaled(summed, codes[:FITTED], whole.median[:FITTED])
    check = {
        "expected_ms": table(codes[FITTED:]),
        "measured_ms": whole.median[FITTED:],
        "spread_ms": whole.spread[FITTED:],
    }
    return table, pd.DataFrame(check)


def known_latency_table(
    known_tables: StateStore,
    space: SearchSpace,
    classes: int,
    config: BatchLatencyConfig,
    run: Run,
) -> tuple[LatencyTable, pd.DataFrame]:
    """The table and its check as this device has them in `known_tables`; built where it has none.

    Raises UserError where it is untrue and not forced; such a table is not kept.
    """
    key = _fingerprint(space, classes, config, run.device)
    known = known_tables.load(key)
    table = None if known is None else LatencyTable.from_frame(pd.DataFrame(known.values["table"]), space)
    if known is not None and table is not None and (space.ways is None or table.heads is not None):
        return table, pd.DataFrame(known.values["check"])
    table, check = build_latency_table(space, classes, config, run)
    error = latency_error(check)
    logger.info(
        "latency table: over %d other networks MAPE %.1f %%, Spearman %.3f",
        len(check),
        100 * error["mape"],
        error["spearman"],
    )
    refuse_untrue(check, force=config.force)
    if error["spearman"] >= LEAST_SPEARMAN:
        values = {"table": table.to_frame().to_dict("list"), "check": check.to_dict("list")}
        known_tables.save(key, State(values=values))
    return table, check


def _fingerprint(space: SearchSpace, classes: int, config: BatchLatencyConfig, device: str) -> str:
    """A name for all that a table depends on: space, device and how it is measured."""
    name = torch.cuda.get_device_name() if device == "cuda" else _processor()
    threads = config.threads or torch.get_num_threads()
    what = {
        "design": space.design.to_dict(),
        "resolutions": space.resolutions,
        "widths": space.widths,
        "classes": classes,
        "config": config.model_dump(exclude={"force", "table"}) | {"threads": threads, "device": device},
        "machine": [platform.node(), platform.machine(), name, torch.__version__],
    }
    return blake2b(json.dumps(what, sort_keys=True).encode(), digest_size=8).hexdigest()


def _processor() -> str:
    """The model of this machine's CPU."""
    lines = _CPU_INFO.read_text().splitlines() if _CPU_INFO.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def latency_error(check: pd.DataFrame) -> dict[str, float]:
    """MAPE (a fraction) and Spearman's correlation of expected and measured latencies."""
    expected, measured = check["expected_ms"].to_numpy(), check["measured_ms"].to_numpy()
    return {
        "mape": float(np.mean(np.abs(expected - measured) / measured)),
        "spearman": float(scipy.stats.spearmanr(expected, measured).statistic),
    }


def refuse_untrue(check: pd.DataFrame, *, force: bool, what_helps: str = _WHAT_HELPS) -> None:
    """Raise UserError where the order of latencies is not the one that is measured, unless forced."""
    error = latency_error(check)
    if not force and not error["spearman"] >= LEAST_SPEARMAN:
        raise UserError(
            f"the latency table is no guide: over {len(check)} other networks its Spearman correlation with "
            f"what they take is {error['spearman']:.2f} (MAPE {100 * error['mape']:.0f} %), "
            f"below {LEAST_SPEARMAN}; "
            f"{what_helps}; search.latency.force=true goes on all the same"
        )


def scaled(table: LatencyTable, codes: Codes, measured: NDArray[np.float64]) -> LatencyTable:
    """`table` stretched and moved by the line that fits best; the move is part of what every network has."""
    # Relative errors count: small networks are as many as large ones.
    slope, offset = np.polyfit(table(codes), measured, 1, w=1 / measured)
    heads = None if table.heads is None else slope * table.heads
    return replace(table, levels=slope * table.levels, rest=slope * table.rest + offset, heads=heads)


def _networks(
    space: SearchSpace, codes: Codes, classes: int, config: BatchLatencyConfig, run: Run
) -> Latencies:
    """What whole networks take."""
    architectures = [space.decode(code) for code in codes]
    networks = [Network(space.design, architecture, classes) for architecture in architectures]
    inputs = [(IMAGE_CHANNELS, architecture.resolution) for architecture in architectures]
    return measured_modules(networks, inputs, config, run)


def measured_modules(
    modules: Sequence[nn.Module], inputs: Sequence[tuple[int, int]], config: BatchLatencyConfig, run: Run
) -> Latencies:
    """What `modules` take for inputs of so many channels and pixels along an edge."""
    generator = torch_generator(run.seed, "latency")
    given: list[Tensor] = []
    for module, (channels, size) in zip(modules, inputs, strict=True):
        initialise(module, generator)
        module.eval().to(run.device)
        x = torch.randn(config.batch, channels, size, size, generator=generator)
        given.append(x.to(run.device, memory_format=torch.channels_last))
    return measure(modules, given, config)
