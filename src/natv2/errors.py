"""The error meant for people: one line that names the value and what is allowed."""

import re

import click

from natv2.printable import printable

_LONG_VALUE = re.compile(r"(?<!\w)(['\"])((?:(?!\1).){100})(?:(?!\1).){200,}\1(?!\w)", re.DOTALL)


class UserError(click.ClickException):
    """Something the person who started the run can mend; the command line ends with exit code 1."""

    def __init__(self, message: str) -> None:
        # It may have names of files and classes in it, and values of tables of any length.
        super().__init__(printable(_LONG_VALUE.sub(r"\1\2...\1", message)))


def says_what_to_do(error: BaseException | None) -> bool:
    """Whether a person is told to change something: the same command would end as it did."""
    return error is not None and (isinstance(error, UserError) or says_what_to_do(error.__cause__))
