"""Jobs that have nothing to do with each other, one a rank at a time."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from itertools import count
from typing import Any, TypeVar

from natv2.bar import lines_alone
from natv2.ranks.collectives import GroupWorld
from natv2.ranks.sizing import hosts_of
from natv2.ranks.together import ranks, together
from natv2.ranks.world import apart, world
from natv2.run import Run

T = TypeVar("T")

ONE_RANK = "one_rank"
"""The tag of a pipeline's nodes that are such jobs (natv2.runs.node_per_rank)."""

_NUMBERS = count()  # of the works of this process, which rank 0 gives


def side_by_side(function: Callable[..., T], jobs: Sequence[tuple[Any, ...]]) -> list[T]:
    """What `function` gives for each of `jobs`, its arguments, in their order.

    Each job is computed by one rank, alone: its result does not depend on how many there are. A rank takes
    the next job when it has done its last, and its log lines are rank 0's. Ranks that do not share files with
    rank 0 take none, since jobs save what they resume from.
    """
    if len(jobs) < 2:
        return [function(*job) for job in jobs]
    return together(_work, function, jobs, str(next(_NUMBERS)))


def fill_ranks(jobs: int, run: Run) -> bool:
    """Whether so many jobs are at least as many as the ranks of `run`, all of which may take one."""
    return hosts_of(run) == 1 and 1 < ranks() <= jobs  # ranks of other hosts may not see its files


def _work(function: Callable[..., T], jobs: Sequence[tuple[Any, ...]], work: str) -> list[T]:
    these = world()
    if not isinstance(these, GroupWorld):
        return [function(*job) for job in jobs]
    done: dict[int, T] = {}
    while these.shares and (number := these.next_job(work)) < len(jobs):
        with apart(), lines_alone() if these.rank else nullcontext():  # the terminal is that of rank 0
            done[number] = function(*jobs[number])
    everyone = [pair for each in these.gathered(done) for pair in each.items()]
    return [result for _, result in sorted(everyone, key=lambda pair: pair[0])]
