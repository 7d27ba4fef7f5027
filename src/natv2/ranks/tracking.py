"""Trackers of metrics that go along to other ranks: what they are told there arrives where they came from."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

Tracker = Callable[[Mapping[str, float], int], None]
"""Takes named metrics and the epoch or turn they belong to."""

Send = Callable[[int, Mapping[str, float], int], None]
"""Sends metrics to the tracker of rank 0 that has this number."""

_PACKED: ContextVar[list[Tracker] | None] = ContextVar("packed", default=None)
_SEND: ContextVar[Send | None] = ContextVar("send", default=None)


@dataclass(frozen=True)
class FarTracker:
    """The tracker `number` of rank 0, on another rank."""

    number: int

    def __call__(self, metrics: Mapping[str, float], step: int) -> None:
        """Send it what is tracked."""
        if (send := _SEND.get()) is not None:
            send(self.number, metrics, step)


@contextmanager
def packing(trackers: list[Tracker]) -> Iterator[None]:
    """Let trackers that are packed meanwhile be added to `trackers`, and go as their numbers."""
    token = _PACKED.set(trackers)
    try:
        yield
    finally:
        _PACKED.reset(token)


def portable(tracker: Tracker) -> Tracker:
    """What goes along in the place of `tracker`; itself where nothing is on its way to other ranks."""
    trackers = _PACKED.get()
    if trackers is None:
        return tracker
    if tracker not in trackers:
        trackers.append(tracker)
    return FarTracker(trackers.index(tracker))


def send_by(send: Send) -> None:
    """Send what is tracked on this rank by `send`."""
    _SEND.set(send)
