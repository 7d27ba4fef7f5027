"""The error meant for people: one line that names the value and what is allowed."""

import click

from natv2.printable import printable


class UserError(click.ClickException):
    """Something the person who started the run can mend; the command line ends with exit code 1."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))  # it may have names of files and classes in it
