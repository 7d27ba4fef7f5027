"""Tables for people: units, sensible digits, and plain text for a terminal."""

import io
import textwrap

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from natv2.printable import printable
from natv2.reporting.fields import MISSING, format_values, known_fields

_TITLE_WIDTH = 10


def results_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The known columns of `frame` (`known_fields`), titled with their units and written as text.

    Accuracies come as fractions and go as percentages; parameters get an SI prefix, MACs are in
    millions. A value that is missing becomes a dash; columns that nobody knows are left out.
    """
    known = {
        field.title: format_values(frame[name], field)
        for name, field in known_fields().items()
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


def _cell(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]  # any scalar
        return MISSING
    return f"{value:.2f}" if isinstance(value, float) else printable(str(value))
