"""The error meant for people: one line that names the value and what is allowed."""

import click


class UserError(click.ClickException):
    """Something the person who started the run can mend; the command line ends with exit code 1."""
