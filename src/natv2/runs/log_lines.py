"""What a run tells as it goes: on a terminal as rich shows it, elsewhere one whole line an event."""

import logging
import sys
from typing import Any, TextIO

from kedro.logging import RichHandler
from rich import get_console

_FORMAT = "%(asctime)s %(levelname)-7s %(message)s"
_TIME = "%Y-%m-%d %H:%M:%S"


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes each event with its time and level in one line, whatever its length; tracebacks follow it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self.setFormatter(_OneLine(_FORMAT, _TIME))

    @property
    def stream(self) -> TextIO:
        """Standard output as it is now, as rich's handler has it."""
        return sys.stdout

    @stream.setter
    def stream(self, value: Any) -> None:
        raise AttributeError("lines always go to standard output")


class _OneLine(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line, without breaks of its own."""
        return " ".join(super().formatMessage(record).splitlines())


def use_lines_without_terminal() -> None:
    """Where the root logger writes by rich and there is no terminal, let it write lines.

    conf/logging.yml cannot say so: Kedro takes handlers of its own and of the library alone.
    """
    console, root = get_console(), logging.getLogger()
    if console.is_terminal or console.is_jupyter:
        return
    for handler in [each for each in root.handlers if isinstance(each, RichHandler)]:
        root.removeHandler(handler)
        root.addHandler(LineHandler())
