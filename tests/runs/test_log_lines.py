"""Lines of a run in a plain file."""

import logging
import re

import pytest
from kedro.logging import RichHandler
from rich import get_console

from natv2.runs.log_lines import LineHandler, use_lines_without_terminal

LONG = "narrow.exit_1: validation top-1 of the teacher of the previous phase 10.6 % " * 4


@pytest.fixture
def root():
    """The root logger with Kedro's handler alone, as conf/logging.yml has it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = [RichHandler(markup=False, show_path=False)]
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def terminal(monkeypatch):
    def set_to(is_one: bool) -> None:
        monkeypatch.setattr(type(get_console()), "is_terminal", property(lambda console: is_one))

    return set_to


def test_in_a_file_an_event_is_one_line_of_any_length(root, terminal, capsys):
    terminal(False)
    use_lines_without_terminal()
    use_lines_without_terminal()  # a second run in one process
    logging.getLogger("a").warning(LONG.strip())
    logging.getLogger("a").error("of two\nlines")
    long, broken = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d WARNING " + re.escape(LONG.strip()), long)
    assert broken.endswith(" ERROR   of two lines")


def test_a_traceback_follows_its_line(root, terminal, capsys):
    terminal(False)
    use_lines_without_terminal()
    try:
        raise ValueError("wrong")
    except ValueError:
        logging.getLogger("a").exception("it failed")
    first, *traceback = capsys.readouterr().out.splitlines()
    assert first.endswith(" ERROR   it failed") and traceback[-1] == "ValueError: wrong"


def test_on_a_terminal_rich_stays(root, terminal):
    terminal(True)
    use_lines_without_terminal()
    kinds = {type(each) for each in root.handlers}  # beside pytest's own
    assert RichHandler in kinds and LineHandler not in kinds


def test_a_command_without_a_terminal_writes_lines(root, terminal, toy):
    terminal(False)
    root.setLevel(logging.INFO)
    result = toy.run("--params", "device=cpu")
    kinds = {type(each) for each in root.handlers}  # beside pytest's own
    assert LineHandler in kinds and RichHandler not in kinds
    assert re.search(
        r"^[-\d]+ [:\d]+ INFO    1 of 2: narrow.full, the largest network learns the images$",
        result.output,
        re.MULTILINE,
    )
