"""The command `natv2 sweep`."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click
from kedro.utils import find_kedro_project
from rich import get_console

from natv2.errors import UserError
from natv2.runs.asked import AskedParameters
from natv2.settings import CONFIG_LOADER_ARGS
from natv2.sweep.cluster import Cluster, check_submitit
from natv2.sweep.config import read_sweep
from natv2.sweep.machine import Machine
from natv2.sweep.plan import PlannedRun, planned
from natv2.sweep.pool import Pool
from natv2.sweep.signals import Asked, counted_signals
from natv2.sweep.state import RunState, States
from natv2.sweep.table import clock, counted, shown_table, write_table

_SIGNALLED = 128  # and the signal's number: the exit code of what one ended


@click.command(name="sweep")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--jobs", type=int, default=1, help="How many runs at once; threads and GPUs are divided.")
@click.option("--slurm", is_flag=True, help="Hand the runs to SLURM, as arrays of at most --jobs at once.")
@click.option("--show", is_flag=True, help="Only tell how each run stands; nothing is started.")
def sweep(file: Path, jobs: int, slurm: bool, show: bool) -> None:
    """Run every combination of the lists in FILE, some at a time, then compare them.

    Runs that have ended well are passed over and those that were stopped resume, so the same command goes on
    where it was. docs/sweeps.md tells what FILE has in it.
    """
    if jobs < 1:
        raise UserError(f"--jobs {jobs}: at least one run at a time is needed")
    config = read_sweep(file)
    if slurm:
        check_submitit()
    project = find_kedro_project(Path.cwd()) or Path.cwd()
    asked = AskedParameters(project / "conf", config.env, CONFIG_LOADER_ARGS)
    plan = planned(config, asked, file)
    states = States(project / "data/08_reporting" / asked.folder / "sweeps" / file.stem, project)
    if show:
        _tell_table([(run, states.of(run)) for run in plan], states)
        return
    launcher = Cluster(config, jobs, states, project) if slurm else Machine(jobs, states, project)
    with counted_signals() as stops:
        teller = _Teller(plan, states)
        pool = Pool(plan, states, launcher, teller, stops)
        teller.pool = pool
        _work(pool, plan, states, stops)


def _work(pool: Pool, plan: Sequence[PlannedRun], states: States, stops: Asked) -> None:
    click.echo(f"{counted([(run, pool.state(run)) for run in plan])}; begun at {datetime.now():%H:%M}")
    pool.work()
    rows = [(run, pool.state(run)) for run in plan]
    _tell_table(rows, states)
    if all(state.state == "finished" for _, state in rows):
        return
    click.echo("the same command resumes what has not finished", err=True)
    raise SystemExit(_SIGNALLED + stops.number if stops() else 1)


class _Teller:
    """Says what has happened, a line each, and keeps the table as a file for whoever looks meanwhile."""

    pool: Pool

    def __init__(self, plan: Sequence[PlannedRun], states: States) -> None:
        self._plan, self._states = plan, states

    def __call__(self, run: PlannedRun, state: RunState) -> None:
        told = "begun" if state.state == "running" and not state.why else state.state
        more = f" ({state.why})" if state.why else ""
        time = f" after {clock(state.seconds)}" if state.state != "running" else ""
        click.echo(f"{datetime.now():%H:%M:%S}  {told:8}  {run.name}{time}{more}")
        write_table(_csv(self._states), [(each, self.pool.state(each)) for each in self._plan])


def _tell_table(rows: Sequence[tuple[PlannedRun, RunState]], states: States) -> None:
    write_table(_csv(states), rows)
    click.echo(f"\n{shown_table(rows, get_console())}\n")
    click.echo(f"{counted(rows)}; as a table: {states.shown(_csv(states))}")


def _csv(states: States) -> Path:
    return states.folder / "sweep.csv"
