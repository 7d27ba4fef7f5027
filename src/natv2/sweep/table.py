"""A sweep as a table: on a terminal as wide as that is, in a file with nothing wrapped, as CSV."""

import csv
import io
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from natv2.atomic import write_bytes
from natv2.printable import printable
from natv2.sweep.plan import PlannedRun, as_text
from natv2.sweep.state import RunState

Rows = Sequence[tuple[PlannedRun, RunState]]

_WIDE = 10_000  # of a file: no line is wrapped
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def shown_table(rows: Rows, console: Console) -> str:
    """The state, the name, the time and the place of each run, for people."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("State", no_wrap=True)
    table.add_column("Run, and where it is", overflow="fold")
    table.add_column("Time", justify="right", no_wrap=True)
    for run, state in rows:
        told = "\n".join(printable(line) for line in (run.name, state.why, state.place) if line)
        table.add_row(state.state, Text(told), clock(state.seconds) if state.seconds else "")
    width = console.width if console.is_terminal else _WIDE
    output = io.StringIO()
    Console(file=output, width=width, color_system=None, markup=False, emoji=False).print(table)
    return "\n".join(line.rstrip() for line in output.getvalue().strip("\n").splitlines())


def counted(rows: Rows) -> str:
    """How many runs stand how, as "3 finished, 1 failed"."""
    states = [state.state for _, state in rows]
    return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(sorted(states)))


def write_table(path: Path, rows: Rows) -> None:
    """Write it as CSV: a column for each parameter in which runs differ."""
    names = list(dict.fromkeys(name for run, _ in rows for name in run.told))
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    columns = ("state", "why", "place", "begun", "seconds", "version", "mlflow_run")
    writer.writerow(["pipeline", *map(_cell, names), *columns])
    for run, state in rows:
        told = [as_text(run.told[name]) if name in run.told else "" for name in names]
        about = [state.state, state.why, state.place, state.begun, f"{state.seconds:.1f}"]
        about += [state.version or "", state.tracking_run or ""]
        writer.writerow([run.pipeline, *(_cell(value) for value in (*told, *about))])
    write_bytes(path, output.getvalue().encode())


def clock(seconds: float) -> str:
    """As 1:02:03."""
    return str(timedelta(seconds=round(seconds)))


def _cell(value: str) -> str:
    """With an apostrophe before what a spreadsheet would take for a formula; numbers stay."""
    try:
        float(value)
    except ValueError:
        return f"'{value}" if value.startswith(_FORMULA) else value
    return value
