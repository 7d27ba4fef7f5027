"""Bars on a terminal."""

import io
import re

import pytest
from rich.console import Console

from natv2.bar import OF_A_BAR, is_moving, lines_alone, progress_bar, quiet, report


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 80 columns; gives what is on it."""
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    monkeypatch.setattr("natv2.bar.get_console", lambda: console)
    return lambda: re.sub(r"\x1b\[[?\d]*[A-Za-z]", "", console.file.getvalue())


def test_a_bar_tells_the_time_left_while_there_is_some(terminal):
    with progress_bar("training", 2) as bar:
        bar.advance("one")
        bar._rich.refresh()
        assert " left " in terminal()
        before = len(terminal())
        bar.advance("two")
    last = terminal()[before:].strip("\r\n").splitlines()[-1]
    assert "2/2" in last and "two" in last and "left" not in last


def test_names_that_are_too_long_are_cut_not_the_numbers(terminal):
    with progress_bar(f"{'wide.width_2 of a search ' * 4}end", 4) as bar:
        bar.advance("best top-1 87.5 %", steps=4)
    last = terminal().strip("\r\n").splitlines()[-1]
    assert "4/4" in last and "best top-1 87.5 %" in last and re.search(r"\d:\d\d:\d\d", last)
    assert len(last.rstrip()) <= 80 and last.startswith("wide.width_2")


def test_where_the_terminal_is_anothers_there_are_lines(terminal, caplog):
    caplog.set_level("INFO", "natv2")
    with lines_alone(), progress_bar("training", 2) as bar:
        assert not is_moving()
        bar.advance("one")
        bar.report("epoch 1/1")
        report("training", "best top-1 90.0 %")
        with quiet():
            report("training", "of what is timed")
    assert terminal() == ""
    assert caplog.messages == ["training: epoch 1/1", "training: best top-1 90.0 %"]
    assert [getattr(record, OF_A_BAR, False) for record in caplog.records] == [True, False]


def test_a_bar_moves_until_it_ends(terminal, caplog):
    with pytest.raises(ZeroDivisionError), progress_bar("training", 2) as bar:
        assert is_moving()
        bar.report("epoch 1/1")
        _ = 1 / 0
    assert not is_moving() and not caplog.messages
