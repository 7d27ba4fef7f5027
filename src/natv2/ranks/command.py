"""`natv2 worker`: the ranks of another host join a run that has been started elsewhere."""

import os
import signal
from datetime import timedelta

import click

from natv2.errors import UserError

_PATIENCE_S = 300


def _hosts(context: click.Context, parameter: click.Parameter, value: str) -> int | str:
    if value == "slurm":
        return value
    if not value.isdecimal() or int(value) < 2:
        raise UserError(
            f"--hosts cannot be '{value}': allowed are slurm and numbers from 2, as hosts= of the run"
        )
    return int(value)


@click.command()
@click.option("--rendezvous", metavar="HOST:PORT", help="As rendezvous= of the run.")
@click.option(
    "--hosts", required=True, callback=_hosts, help="As hosts= of the run; slurm: those of the job."
)
@click.option("--workers", type=click.IntRange(1), help="Ranks of this host; default: a GPU each, or a core.")
@click.option("--threads", type=click.IntRange(1), help="Of each rank; default: they share the cores.")
def worker(rendezvous: str | None, hosts: int | str, workers: int | None, threads: int | None) -> None:
    """Lend this host's cores or GPUs to a run on another one, until that ends.

    It needs the same checkout of the project, the images decoded or data/ shared, and NATV2_GROUP_KEY, the
    same on all hosts. Give it in the project's folder.
    """
    os.environ["TORCH_CPP_LOG_LEVEL"] = "FATAL"  # of what is told in a sentence; before torch is loaded
    from natv2.ranks.agent import Agent
    from natv2.ranks.control import Control
    from natv2.ranks.group import group_key
    from natv2.ranks.joining import Plan, host_name
    from natv2.ranks.sameness import refuse_other
    from natv2.ranks.sizing import cores, hosts_of, meeting_place
    from natv2.run import Run

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    count = hosts_of(Run.model_validate({"hosts": hosts}))
    key = group_key(count)
    control = Control.joined(meeting_place(rendezvous, count), timedelta(seconds=_PATIENCE_S))
    plan = Plan(**control.take("plan"))
    if plan.hosts != count:
        raise UserError(f"--hosts cannot be {count}: the run at {control.address} has hosts={plan.hosts}")
    refuse_other(plan.same)
    ranks = workers or _ranks_here(plan.device, cores() // (threads or 1))
    control.put(f"came/{control.count('came')}", host_name())
    click.echo(f"{ranks} ranks of {host_name()} join the run at {control.address}")
    agent = Agent(
        control=control,
        host=host_name(),
        ranks=ranks,
        agents=plan.agents,
        threads=threads or max(1, cores() // ranks),
        patience=_PATIENCE_S,
        key=key,
    )
    if not agent.run():
        raise UserError(f"the run at {control.address} has not ended well: see what it says there")
    click.echo("the run has ended")


def _ranks_here(device: str, most: int) -> int:
    if device != "cuda":
        return max(1, most)
    import torch

    if not torch.cuda.is_available():
        raise UserError("the run computes on GPUs, and torch finds none on this host")
    return torch.cuda.device_count()
