"""The error meant for people: one line that names the value and what is allowed."""

import click

from natv2.printable import printable


class UserError(click.ClickException):
    """Something the person who started the run can mend; the command line ends with exit code 1."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))  # it may have names of files and classes in it


def says_what_to_do(error: BaseException | None) -> bool:
    """Whether a person is told to change something: the same command would end as it did."""
    return error is not None and (isinstance(error, UserError) or says_what_to_do(error.__cause__))
