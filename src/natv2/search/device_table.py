"""The latency table of a search space, made of what another device took, and how far it is true."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from natv2.costs.config import BatchLatencyConfig
from natv2.costs.latency_table import LatencyTable
from natv2.costs.measured_on import MeasuredOn, with_origin
from natv2.errors import UserError
from natv2.search.device_times import DeviceTimes, read_times
from natv2.search.kit_contents import NOTHING
from natv2.search.latency import FITTED, latency_error, refuse_untrue, scaled
from natv2.spaces.space import Codes, SearchSpace

logger = logging.getLogger("natv2")

_FEWEST = 10  # networks of the search's own sizes that a correlation is worth its name with
_STEADY = 0.1
_WHAT_HELPS = "let the device cool, end what else it runs and run the kit again"


def device_latency_table(
    path: Path, space: SearchSpace, classes: int, config: BatchLatencyConfig
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The frame of the table of `space`, with its origin, and its check as `build_latency_table` gives it.

    Raises UserError where the file is no whole one of this space, its networks are not ordered as they are
    measured, and that is not forced.
    """
    times = read_times(path)
    _refuse_other(path, times, space, classes, config)
    whole = _whole_table(times)
    check = _check(times, whole, space)
    error = latency_error(check)
    origin = MeasuredOn(
        device=times.file.device,
        runtime=times.file.runtime,
        threads=times.file.settings.threads,
        batch=times.file.settings.batch,
        measured=times.file.ended or "",
        resolutions=space.resolutions,
        widths=space.widths,
        **error,
        drift=times.drift,
        times=times.file.checksum,
    )
    logger.info(
        "latency table of %s: over %d other networks MAPE %.1f %%, Spearman %.3f",
        origin,
        len(check),
        100 * error["mape"],
        error["spearman"],
    )
    if abs(times.drift) > _STEADY:
        logger.warning(
            "%s was not steady: its first file took %+.0f %% of its time when it was timed again; %s",
            times.file.device,
            100 * times.drift,
            _WHAT_HELPS,
        )
    refuse_untrue(check, force=config.force, what_helps=_WHAT_HELPS)
    return with_origin(_part_of(whole, space).to_frame(), origin), check


def _refuse_other(
    path: Path, times: DeviceTimes, space: SearchSpace, classes: int, config: BatchLatencyConfig
) -> None:
    """Raise UserError, by its name, at the first thing in which the file is of another search."""
    its, settings = times.contents.space, times.file.settings
    widths = sorted(set(space.widths) - set(its.widths))
    resolutions = sorted(set(space.resolutions) - set(its.resolutions))
    wrong = None
    if its.design != space.design:
        wrong = f"is of {its.design.label}, not of {space.design.label}"
    elif times.contents.classes != classes:
        wrong = f"is of {times.contents.classes} classes, not of {classes}"
    elif widths:
        wrong = f"has no width {widths[0]:g}: it has {_listed(its.widths)}"
    elif resolutions:
        wrong = f"has no resolution {resolutions[0]}: it has {_listed(its.resolutions)}"
    elif settings.batch != config.batch:
        wrong = f"is of {settings.batch} images at once, not of search.latency.batch={config.batch}"
    elif config.threads not in (None, settings.threads):
        wrong = f"is of {settings.threads} threads, not of search.latency.threads={config.threads}"
    if wrong is not None:
        raise UserError(f"search.latency.table={path} {wrong}; make a kit of this search, and run it")


def _listed(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _whole_table(times: DeviceTimes) -> LatencyTable:
    """The table of all that the file is of, on the scale of its whole networks.

    What a call takes by itself is in every part's time, and in a network's once: that is left to the line.
    """
    contents = times.contents
    taken = times.medians(contents.part_entries) - times.medians([NOTHING])
    summed = contents.parts.table(np.maximum(taken, 0.0))
    measured = times.medians(contents.network_entries)
    return scaled(summed, contents.codes[:FITTED], measured[:FITTED])


def _check(times: DeviceTimes, table: LatencyTable, space: SearchSpace) -> pd.DataFrame:
    """Expected and measured latency of networks that no line was fitted to.

    Those of the search's own widths and sizes, where they are enough: among more sizes, order is easy.
    """
    codes, entries = times.contents.codes[FITTED:], times.contents.network_entries[FITTED:]
    own = _own(codes, table.space, space)
    if own.sum() < _FEWEST:
        if not own.all():
            told = (int(own.sum()), len(own))
            logger.info("only %d of %d networks of the table are of this search: all of them check it", *told)
        own = np.ones(len(codes), np.bool_)
    kept = [entry for entry, flag in zip(entries, own, strict=True) if flag]
    return pd.DataFrame(
        {
            "expected_ms": table(codes[own]),
            "measured_ms": times.medians(kept),
            "spread_ms": times.spreads(kept),
        }
    )


def _own(codes: Codes, whole: SearchSpace, space: SearchSpace) -> NDArray[np.bool_]:
    sizes = np.array(whole.resolutions)[codes[:, 0]]
    widths = np.array(whole.widths)[codes[:, 1]]
    own: NDArray[np.bool_] = np.isin(sizes, space.resolutions) & np.isin(widths, space.widths)
    return own


def _part_of(table: LatencyTable, space: SearchSpace) -> LatencyTable:
    """The entries of `space`, which has no more widths and sizes than `table`."""
    at = np.ix_(
        [table.space.resolutions.index(size) for size in space.resolutions],
        [table.space.widths.index(width) for width in space.widths],
    )
    heads = None if table.heads is None else table.heads[at]
    return LatencyTable(space=space, levels=table.levels[at], rest=table.rest[at], heads=heads)
