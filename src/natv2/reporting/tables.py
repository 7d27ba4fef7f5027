"""Tables for people: units, sensible digits, and plain text for a terminal."""

import io
import textwrap

import pandas as pd
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from natv2.printable import printable
from natv2.reporting.fields import MISSING, format_values, known_fields

_TITLE_WIDTH = 10
_FEW = 4  # rows that may become columns


def results_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The known columns of `frame` (`known_fields`), titled with their units and written as text.

    Accuracies come as fractions and go as percentages; parameters get an SI prefix, MACs are in
    millions. A value that is missing becomes a dash; columns that nobody knows are left out.
    """
    known = {
        field.title: format_values(frame[name], field)
        for name, field in known_fields(frame).items()
        if name in frame
    }
    return pd.DataFrame(known, index=pd.RangeIndex(len(frame)), dtype=str)


def as_text(frame: pd.DataFrame) -> str:
    """`frame` as a table for a terminal, without colours and without its index; floats have two decimals."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for position, column in enumerate(frame.columns):
        title = textwrap.fill(printable(str(column)), _TITLE_WIDTH, break_long_words=False)
        table.add_column(title, justify="right" if position else "left", vertical="bottom", no_wrap=True)
    for row in frame.itertuples(index=False):
        table.add_row(*(_cell(value) for value in row))
    output = io.StringIO()
    # Wide enough for any table: a narrow terminal wraps lines, but nothing is cut off.
    Console(file=output, width=1000, color_system=None, markup=False, emoji=False).print(table)
    return "\n".join(line.rstrip() for line in output.getvalue().strip("\n").splitlines())


def fitted_text(frame: pd.DataFrame, width: int) -> str:
    """`as_text` in lines of at most `width` characters, where its values are not wider.

    What is too wide is turned, a line a column; with many rows it is continued below, by its first column.
    """
    if (text := as_text(frame)) and _widest(text) <= width:
        return text
    if len(frame) <= _FEW and _widest(turned := as_text(_turned(frame))) <= width:
        return turned
    parts: list[list[int]] = [[0]]
    for column in range(1, frame.shape[1]):
        if len(parts[-1]) > 1 and _widest(as_text(frame.iloc[:, [*parts[-1], column]])) > width:
            parts.append([0])
        parts[-1].append(column)
    return "\n\n".join(as_text(frame.iloc[:, part]) for part in parts)


def _turned(frame: pd.DataFrame) -> pd.DataFrame:
    """A row for each column of `frame` but the first, whose values name the columns."""
    first, *others = frame.columns
    rows = [
        [str(name), *(_cell(value) for value in frame.iloc[:, n])] for n, name in enumerate(others, start=1)
    ]
    return pd.DataFrame(rows, columns=[str(first), *(_cell(value) for value in frame.iloc[:, 0])])


def _widest(text: str) -> int:
    return max(map(cell_len, text.splitlines()), default=0)


def _cell(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]  # any scalar
        return MISSING
    return f"{value:.2f}" if isinstance(value, float) else printable(str(value))
