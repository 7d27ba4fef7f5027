"""A latency table of a search space, built of what each part takes on a device, and how far it is true."""

import json
import logging
import platform
from collections.abc import Hashable, Sequence
from hashlib import blake2b
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor, nn

from natv2.costs.config import BatchLatencyConfig
from natv2.costs.latency import Latencies, measure
from natv2.costs.latency_table import LatencyTable
from natv2.costs.parts import stage_sizes
from natv2.errors import UserError
from natv2.nn.layers import initialise
from natv2.randomness import numpy_generator, torch_generator
from natv2.run import Run
from natv2.spaces.channels import ChannelPlan, channel_plan
from natv2.spaces.design import BLOCK_BITS, IMAGE_CHANNELS, INVERTED_BOTTLENECK
from natv2.spaces.space import Codes, SearchSpace
from natv2.supernets.network import FIRST, STEM, Network, Part, build, head
from natv2.training.state_store import State, StateStore

logger = logging.getLogger("natv2")

LEAST_SPEARMAN = 0.9
"""The least Spearman correlation of expected and measured latencies that a search relies on."""

NO_TABLE = pd.DataFrame(columns=["resolution", "width", "place", "choice", "milliseconds"])
NO_CHECK = pd.DataFrame(columns=["expected_ms", "measured_ms", "spread_ms"])
"""What there is of a table and its check where nobody asks for latency."""

_HELD_OUT, _FITTED = 30, 15
CHECKED = _HELD_OUT + _FITTED
"""Whole networks that are measured too."""

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
    table = _scaled(summed, codes[:_FITTED], whole.median[:_FITTED])
    check = {
        "expected_ms": table(codes[_FITTED:]),
        "measured_ms": whole.median[_FITTED:],
        "spread_ms": whole.spread[_FITTED:],
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
    if known is not None:
        table = LatencyTable.from_frame(pd.DataFrame(known.values["table"]), space)
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
        "config": config.model_dump(exclude={"force"}) | {"threads": threads, "device": device},
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
        "spearman": float(spearmanr(expected, measured).statistic),
    }


def refuse_untrue(check: pd.DataFrame, *, force: bool) -> None:
    """Raise UserError where the order of latencies is not the one that is measured, unless forced."""
    error = latency_error(check)
    if not force and not error["spearman"] >= LEAST_SPEARMAN:
        raise UserError(
            f"the latency table is no guide: over {len(check)} other networks its Spearman correlation with "
            f"what they take is {error['spearman']:.2f} (MAPE {100 * error['mape']:.0f} %), "
            f"below {LEAST_SPEARMAN}; "
            "leave the machine to itself or raise search.latency.repetitions; search.latency.force=true goes "
            "on all the same"
        )


def _scaled(table: LatencyTable, codes: Codes, measured: NDArray[np.float64]) -> LatencyTable:
    """`table` stretched and moved by the line that fits best; the move is part of what every network has."""
    # Relative errors count: small networks are as many as large ones.
    slope, offset = np.polyfit(table(codes), measured, 1, w=1 / measured)
    return LatencyTable(space=table.space, levels=slope * table.levels, rest=slope * table.rest + offset)


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


class SpaceParts:
    """The different parts of a space's networks with their inputs: equal ones are measured once."""

    def __init__(self, space: SearchSpace, classes: int) -> None:
        self._space, self._classes = space, classes
        self._known: dict[Hashable, int] = {}
        self.modules: list[nn.Module] = []
        self.inputs: list[tuple[int, int]] = []
        self._levels = self._level_parts()
        self._rest = self._rest_parts()

    def table(self, taken: NDArray[np.float64]) -> LatencyTable:
        """Sums of what the parts took (milliseconds), in their order."""
        padded = np.append(taken, 0.0)  # at -1: no part
        return LatencyTable(
            space=self._space, levels=padded[self._levels].sum(axis=-1), rest=padded[self._rest].sum(axis=-1)
        )

    def _level_parts(self) -> NDArray[np.int64]:
        """Indices of the parts of each level's codes: (R, W, L, codes, blocks), -1 for none."""
        space, design = self._space, self._space.design
        choices = list(product(design.masks, design.expand_ratios, design.kernels))
        shape = (len(space.resolutions), len(space.widths), design.levels, 1 + len(choices), len(BLOCK_BITS))
        result = np.full(shape, -1, np.int64)
        for (r, resolution), (w, width) in product(enumerate(space.resolutions), enumerate(space.widths)):
            plan, sizes = channel_plan(design, width), stage_sizes(resolution)
            for level in range(design.levels):
                stage, position = divmod(level, design.levels_per_stage)
                size = sizes[stage] if position == 0 else sizes[stage + 1]
                for c, (mask, ratio, kernel) in enumerate(choices, start=1):
                    for b, bit in enumerate(b for b in BLOCK_BITS.values() if mask & b):
                        elastic = (kernel, ratio) if bit == INVERTED_BOTTLENECK else (0, 0)
                        part = Part(f"stages.{stage}.levels.{position}", bit, *elastic)
                        here = plan.level(stage, position)
                        result[r, w, level, c, b] = self._part(
                            (here, bit, *elastic, size), part, plan, here.inputs, size
                        )
        return result

    def _rest_parts(self) -> NDArray[np.int64]:
        """Indices of stem, first block and head by resolution, width and exit: (R, W, exits, 3)."""
        space = self._space
        shape = (len(space.resolutions), len(space.widths), len(space.design.exits), 3)
        result = np.empty(shape, np.int64)
        for (r, resolution), (w, width) in product(enumerate(space.resolutions), enumerate(space.widths)):
            plan, sizes = channel_plan(space.design, width), stage_sizes(resolution)
            result[r, w, :, 0] = self._part(
                (STEM, plan.stem, resolution), STEM, plan, IMAGE_CHANNELS, resolution
            )
            result[r, w, :, 1] = self._part((FIRST, plan.stem, sizes[0]), FIRST, plan, plan.stem, sizes[0])
            for e, exit in enumerate(space.design.exits):
                channels, size = plan.stages[exit - 1], sizes[exit]
                key = ("head", channels, plan.heads[exit], size)
                result[r, w, e, 2] = self._part(key, head(exit), plan, channels, size)
        return result

    def _part(self, key: Hashable, part: Part, plan: ChannelPlan, channels: int, size: int) -> int:
        if key not in self._known:
            self._known[key] = len(self.modules)
            self.modules.append(build(part, plan, self._classes, 0.0))
            self.inputs.append((channels, size))
        return self._known[key]
