"""Ctrl-C and a scheduler's or a terminal's end, counted: who waits for runs looks, and ends them."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Asked:
    """How often this process was asked to stop, and by which signal at first."""

    def __init__(self) -> None:
        self.times, self.number = 0, 0

    def __call__(self) -> int:
        """How often."""
        return self.times

    def ask(self, number: int, frame: FrameType | None = None) -> None:
        """Count the signal `number`."""
        self.number = self.number or number
        self.times += 1


@contextmanager
def counted_signals() -> Iterator[Asked]:
    """Count signals that end a process, instead of ending it."""
    asked = Asked()
    before = {number: signal.signal(number, asked.ask) for number in _ENDS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
