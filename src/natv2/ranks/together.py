"""What is computed by all ranks that there are; simply computed, where there are none."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from natv2.ranks.world import ALONE, World, world

T = TypeVar("T")


class Group(Protocol):
    """Ranks that stand ready."""

    def ready(self) -> World:
        """All ranks, when they are there."""

    def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """What `function` gives here, while all ranks do the same with copies of `arguments`."""

    def close(self) -> None:
        """End all ranks."""


_current: Group | None = None


def use(group: Group | None) -> None:
    """Let `group` compute with this process from here on; None: nobody. What was used before is closed."""
    global _current  # a process has one
    if _current is not None and _current is not group:
        _current.close()
    _current = group


def ranks() -> int:
    """How many could compute what is asked for now: 1 where it is one of several that asks."""
    return 1 if _current is None or world() is not ALONE else _current.ready().size


def together(function: Callable[..., T], *arguments: Any) -> T:
    """What `function` gives with `arguments`, computed by all ranks that there are.

    Each calls it with copies, within a world that says who does what; rank 0 with `arguments` themselves.
    Where there are none, or who asks is one of those at work, it is simply called.
    """
    if _current is None or world() is not ALONE:
        return function(*arguments)
    return _current.run(function, *arguments)
