"""Jobs that have nothing to do with each other, one a rank at a time."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, TypeVar

from natv2.ranks.collectives import GroupWorld
from natv2.ranks.together import together
from natv2.ranks.world import apart, world

T = TypeVar("T")


_NUMBERS = count()  # of the works of this process, which rank 0 gives


def side_by_side(function: Callable[..., T], jobs: Sequence[tuple[Any, ...]]) -> list[T]:
    """What `function` gives for each of `jobs`, its arguments, in their order.

    Each job is computed by one rank, alone: its result does not depend on how many there are. A rank takes
    the next job when it has done its last. Ranks that do not share files with rank 0 take none, since jobs
    save what they resume from.
    """
    if len(jobs) < 2:
        return [function(*job) for job in jobs]
    return together(_work, function, jobs, str(next(_NUMBERS)))


def _work(function: Callable[..., T], jobs: Sequence[tuple[Any, ...]], work: str) -> list[T]:
    these = world()
    if not isinstance(these, GroupWorld):
        return [function(*job) for job in jobs]
    done: dict[int, T] = {}
    while these.shares and (number := these.next_job(work)) < len(jobs):
        with apart():
            done[number] = function(*jobs[number])
    everyone = [pair for each in these.gathered(done) for pair in each.items()]
    return [result for _, result in sorted(everyone, key=lambda pair: pair[0])]
