"""This machine's processors and GPUs, divided between runs."""

import os
import subprocess
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from natv2.sweep.attempt import Attempt, Share
from natv2.sweep.plan import PlannedRun
from natv2.sweep.state import States

_ANSWER_S = 10


class Machine:
    """Runs here, `jobs` at a time."""

    def __init__(self, jobs: int, states: States, project: Path) -> None:
        self.slots, self._states, self._project = jobs, states, project
        self._shares = shares(jobs, processors(), visible_gpus())

    def handle(self, run: PlannedRun, versions: Mapping[str, str], slot: int) -> Attempt:
        """An attempt at `run` with the share of `slot`."""
        share = self._shares[slot]
        return Attempt(run=run, versions=versions, share=share, states=self._states, project=self._project)

    def together(self) -> AbstractContextManager[object]:
        """Each by itself."""
        return nullcontext()


def shares(jobs: int, processors: int, gpus: list[str]) -> list[Share]:
    """What each of so many jobs may use; GPUs that are fewer are shared, one after the other in turn.

    One alone may use all, as a run that no sweep has begun.
    """
    if jobs == 1:
        return [Share()]
    threads = max(1, processors // jobs)
    if not gpus:
        return [Share(threads=threads)] * jobs
    own = [tuple(gpus[job::jobs]) or (gpus[job % len(gpus)],) for job in range(jobs)]
    return [Share(threads=threads, gpus=each) for each in own]


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def visible_gpus() -> list[str]:
    """GPUs that this process may use: as CUDA_VISIBLE_DEVICES says, else all that the driver knows."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [each.strip() for each in given.split(",") if each.strip()]
    ask = ("nvidia-smi", "--query-gpu=index", "--format=csv,noheader")
    try:
        told = subprocess.run(ask, capture_output=True, text=True, check=True, timeout=_ANSWER_S)
    except (OSError, subprocess.SubprocessError):
        return []
    return told.stdout.split()
