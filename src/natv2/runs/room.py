"""Before the first step: is there room for what a run needs, on its disks and in memory?"""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil
import torch

from natv2.disk import folder_bytes, free_bytes, no_room
from natv2.errors import UserError
from natv2.images.memory import memory_limit
from natv2.run import Run
from natv2.runs.needs import Needs
from natv2.training.needs import Disk, Memory

logger = logging.getLogger("natv2")

_WHAT = "checkpoints and states to resume from"
_ADVICE = "make room, or make it a link to a folder on another disk"
_GIB = 2**30
_A_RANK = _GIB // 2  # what another process on a CPU has of its own before it trains, by measurement


def check_needs(needs: Sequence[Needs], *, progress: Path, resumed: Path, run: Run) -> None:
    """Raise UserError where there is no room for what is needed; warn where there may not be.

    States go to `progress`, of which `resumed` are there already, and networks beside it.
    """
    for each in needs:
        check_memory(each.memory, run.device, 1 if run.workers == "auto" else run.workers)
    disk = sum((each.disk for each in needs), Disk())
    refuse = not any(each.planned for each in needs)
    check_disk(disk, models=progress.parent, progress=progress, resumed=resumed, refuse=refuse)


def check_disk(needed: Disk, *, models: Path, progress: Path, resumed: Path, refuse: bool = True) -> None:
    """Raise UserError where what a run writes cannot fit on its disks; warn where it may not.

    Networks go to `models`, states to `progress`, of which `resumed` are there already. Without `refuse`,
    for a plan, which writes nothing, it is a warning too.
    """
    states = max(0, needed.states - folder_bytes(resumed))
    if models.stat().st_dev == progress.stat().st_dev:
        places = [(models, needed.kept + states)]
    else:
        places = [(models, needed.kept), (progress, states)]
    for folder, least in places:
        free = free_bytes(folder)
        if least > free and refuse:
            raise UserError(no_room(folder, free, least, _WHAT, _ADVICE))
        if least + needed.replaced > free:
            logger.warning(no_room(folder, free, least + needed.replaced, _WHAT, _ADVICE))


def check_memory(needed: Iterable[Memory], device: str, ranks: int = 1) -> None:
    """Raise UserError where a training cannot fit into the memory of `device`; warn where it may not.

    Ranks of a CPU have what a process has, each; what they do at the same time is in what is needed.
    """
    if device == "cuda":
        free, used = _gpu_memory(), 0
    else:
        free = memory_limit()
        used = psutil.Process().memory_info().rss + (ranks - 1) * _A_RANK
    where = "is free on the GPU" if device == "cuda" else "is there"
    for each in needed:
        # What is swapped out is slow, but runs.
        swap = 0 if device == "cuda" else psutil.swap_memory().total
        if each.least > free + swap:
            raise UserError(
                f"{each.what}: at least {each.least / _GIB:,.1f} GiB of memory are needed, and "
                f"{(free + swap) / _GIB:,.1f} {where}: make {each.change} smaller"
            )
        if used + each.most > free:
            logger.warning(
                "%s: up to %.1f GiB of memory are needed, and %.1f %s: smaller %s may be better",
                each.what,
                (used + each.most) / _GIB,
                free / _GIB,
                where,
                each.change,
            )


def _gpu_memory() -> int:
    """Bytes of the GPU that nobody else has: what torch has reserved is this process's own."""
    return int(torch.cuda.mem_get_info()[0]) + int(torch.cuda.memory_reserved())
