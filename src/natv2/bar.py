"""Progress bars: on a terminal one line that moves, elsewhere a log line now and then."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

from rich import get_console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.table import Column
from rich.text import Text

logger = logging.getLogger("natv2")

_WIDE = 100  # columns of a terminal that has room for the bar itself
_SHORTEST = 20  # characters of a description that are always shown

OF_A_BAR = "of_a_bar"
"""What marks a log line that stands for a bar's move."""

Shown = Literal["bars", "lines", "nothing"]

_SHOWN: ContextVar[Shown] = ContextVar("shown", default="bars")
_MOVING = set[RichProgress]()  # a terminal is one for the whole process


class Bar:
    """One running bar; `advance` moves it and says how things stand."""

    def __init__(self, rich: RichProgress, description: str, shown: str, total: int, done: int) -> None:
        self._rich, self._quiet = rich, _SHOWN.get() == "nothing"
        self._description = description
        self._task = rich.add_task(shown, total=total, completed=done, status="")

    def advance(self, status: str, steps: int = 1) -> None:
        """One step (or `steps`) done; `status` stands at the end of the line."""
        self._rich.update(self._task, advance=steps, status=status)

    def report(self, status: str) -> None:
        """Log `status` where there is no terminal to show the bar on."""
        if self._rich.disable and not self._quiet:
            _say(self._description, status, **{OF_A_BAR: True})


def report(description: str, status: str) -> None:
    """Log `status` of what had a bar, where there is no terminal that showed it."""
    if _shown() == "lines":
        _say(description, status)


def _shown() -> Shown:
    shown = _SHOWN.get()
    return "lines" if shown == "bars" and not get_console().is_terminal else shown


def _say(description: str, status: str, **marks: bool) -> None:
    logger.info("%s: %s", description, status, extra=marks)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


class _TimeLeftColumn(TimeRemainingColumn):
    """The time left while there is some; nothing of a bar that stays on the screen when it is done."""

    def render(self, task: Task) -> Text:
        """As rich's, with a word before it."""
        return Text("") if task.finished else Text("left ") + super().render(task)


class _StatusColumn(ProgressColumn):
    """How things stand, cut where the screen is too narrow: all else keeps its width."""

    def render(self, task: Task) -> Text:
        """The status of the last step."""
        return Text(task.fields["status"], no_wrap=True, overflow="ellipsis")


@contextmanager
def progress_bar(description: str, total: int, done: int = 0) -> Iterator[Bar]:
    """A bar of `total` steps, `done` of them before it appears; it shows the time left."""
    console = get_console()
    narrow, longest = console.width < _WIDE, max(_SHORTEST, console.width // 3)
    columns = (
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        *(() if narrow else (BarColumn(bar_width=24, table_column=Column(no_wrap=True)),)),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        _StatusColumn(),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
        _TimeLeftColumn(table_column=Column(no_wrap=True)),
    )
    with RichProgress(*columns, console=console, disable=_shown() != "bars") as rich:
        if not rich.disable:
            _MOVING.add(rich)
        try:
            yield Bar(rich, description, _cut(description, longest), total, done)
        finally:
            _MOVING.discard(rich)


def is_moving() -> bool:
    """Whether a bar moves on the terminal now, from whichever thread it is asked."""
    return bool(_MOVING)


@contextmanager
def quiet() -> Iterator[None]:
    """No bars and none of their lines: what is timed within another's bar is not work of its own."""
    with _showing("nothing"):
        yield


@contextmanager
def lines_alone() -> Iterator[None]:
    """Lines instead of bars: the terminal is another's."""
    with _showing("lines"):
        yield


@contextmanager
def _showing(what: Shown) -> Iterator[None]:
    token = _SHOWN.set(what)
    try:
        yield
    finally:
        _SHOWN.reset(token)
