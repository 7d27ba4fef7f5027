"""The command `natv2 doctor`, which needs no project and no Kedro."""

from functools import partial
from pathlib import Path

import click

from natv2.errors import UserError


@click.command(name="doctor")
@click.argument("networks", nargs=-1, type=click.Path(path_type=Path))
def doctor(networks: tuple[Path, ...]) -> None:
    """Say what works here, a line each, and what to install for what does not.

    With NETWORKS, files of finished networks, what these say of themselves instead. The exit code is 1 where
    something that is needed does not work.
    """
    from natv2.doctor.checks import CHECKS
    from natv2.doctor.networks import check_network

    broken = 0
    for check in [partial(check_network, path) for path in networks] or CHECKS:
        for line in check():
            click.echo(f"{line.state:4} {line.text}")
            broken += line.state == "bad"
    if broken:
        raise UserError(f"{broken} of these must be mended")
