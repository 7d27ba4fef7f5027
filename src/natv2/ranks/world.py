"""Who computes together here: what a loop asks, whether it runs alone or on several ranks."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from torch import Tensor

T = TypeVar("T")


class Slice(NamedTuple):
    """Rows of a batch that a rank computes, and what share of the batch they count."""

    start: int
    stop: int
    share: float


def all_there() -> None:
    """What `check` is where nobody can be lost."""


@dataclass(frozen=True, kw_only=True)
class World:
    """Ranks that compute together, as one of them sees them; this one is alone.

    `names` say which they are and where. `least` images of a batch are worth a rank of their own. `keeps`:
    this rank saves what loops save, and tracks their metrics. `check` raises RankLostError where one of those
    who work on the same is gone; loops call it, also those that a rank goes through alone.
    """

    rank: int = 0
    size: int = 1
    names: tuple[str, ...] = ("rank 0",)
    least: int = 2
    keeps: bool = True
    check: Callable[[], None] = all_there

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum of the ranks' tensors of one shape, in the place of this one's; the same bits on all."""
        return tensor

    def agreed(self, value: float) -> float:
        """The `value` of rank 0, on all ranks."""
        return value

    def gathered(self, value: Any) -> list[Any]:
        """The values of all ranks in their order, on rank 0; elsewhere nothing."""
        return [value]

    def slice(self, count: int) -> Slice:
        """What this rank computes of a batch of `count` images.

        Slices differ by one image at the most. Where a batch has too few for all ranks, those beyond take
        the first again and count nothing: every rank must know which weights a step used.
        """
        parts = max(1, min(self.size, count // self.least))
        whole, rest = divmod(count, parts)
        part = self.rank if self.rank < parts else 0
        start = part * whole + min(part, rest)
        stop = start + whole + (part < rest)
        return Slice(start, stop, (stop - start) / count if self.rank < parts else 0.0)


ALONE = World()
_WORLD: ContextVar[World] = ContextVar("world", default=ALONE)


def world() -> World:
    """Those who compute together now."""
    return _WORLD.get()


@contextmanager
def within(these: World) -> Iterator[None]:
    """Compute together with `these`, until the end of the block."""
    token = _WORLD.set(these)
    try:
        yield
    finally:
        _WORLD.reset(token)


@contextmanager
def apart() -> Iterator[None]:
    """Compute without the other ranks, where there are any, until the end of the block."""
    these = world()
    with within(World(names=(these.names[these.rank],), check=these.check)):
        yield


def is_apart() -> bool:
    """Whether this rank computes without the others now."""
    return world() is not ALONE and world().size == 1


def mine(items: Iterable[T]) -> Iterator[T]:
    """Those of `items` that this rank goes through: all where it is alone."""
    return islice(items, world().rank, None, world().size)
