"""The command `natv2 doctor`, which needs no project and no Kedro."""

import click

from natv2.errors import UserError


@click.command(name="doctor")
def doctor() -> None:
    """Say what works here, a line each, and what to install for what does not.

    The exit code is 1 where something that is needed does not work.
    """
    from natv2.doctor.checks import CHECKS

    broken = 0
    for check in CHECKS:
        for line in check():
            click.echo(f"{line.state:4} {line.text}")
            broken += line.state == "bad"
    if broken:
        raise UserError(f"{broken} of these must be mended")
