"""The runs of a sweep as jobs of a SLURM cluster, handed over as arrays by submitit."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from natv2.config import seconds_of
from natv2.errors import UserError
from natv2.sweep.attempt import Attempt, Share
from natv2.sweep.config import SlurmConfig, SweepConfig
from natv2.sweep.plan import PlannedRun
from natv2.sweep.state import RunState, States


def check_submitit() -> None:
    """Raise UserError where submitit is not installed."""
    if find_spec("submitit") is None:
        raise UserError('--slurm needs submitit: pip install "natv2[slurm]"')


class Cluster:
    """Runs as jobs of a cluster, at most `jobs` at a time.

    `kind` is submitit's name of the cluster: None finds SLURM where it is.
    """

    def __init__(
        self, sweep: SweepConfig, jobs: int, states: States, project: Path, kind: str | None = "slurm"
    ) -> None:
        import submitit

        self.slots, self._states, self._project = jobs, states, project
        try:
            self._executor = submitit.AutoExecutor(states.folder / "jobs", cluster=kind)
            self._executor.update_parameters(**job_options(sweep.slurm, jobs, kind))
        except (RuntimeError, ValueError, TypeError, NameError) as error:
            raise UserError(f"--slurm: {' '.join(str(error).split())}") from None

    def handle(self, run: PlannedRun, versions: Mapping[str, str], slot: int) -> "Job":
        """A job for `run`, which may use all that the cluster gives it."""
        attempt = Attempt(
            run=run, versions=versions, share=Share(), states=self._states, project=self._project
        )
        return Job(attempt, self._executor, self._states)

    def together(self) -> AbstractContextManager[object]:
        """What is handed out within is one array."""
        batch: AbstractContextManager[object] = self._executor.batch(allow_implicit_submissions=True)
        return batch


def job_options(slurm: SlurmConfig, jobs: int, kind: str | None) -> dict[str, Any]:
    """What submitit is told for each job."""
    found: dict[str, Any] = {
        "name": "natv2",
        "timeout_min": max(1, round(seconds_of(slurm.time) / 60)),
        "cpus_per_task": slurm.cpus,
        "gpus_per_node": slurm.gpus,
    }
    if slurm.memory_gb is not None:
        found["mem_gb"] = slurm.memory_gb
    if kind == "slurm":
        found["slurm_array_parallelism"] = jobs
        named = {"partition": slurm.partition, "account": slurm.account}
        found |= {f"slurm_{name}": value for name, value in named.items() if value is not None}
        found["slurm_additional_parameters"] = dict(slurm.more)
    return found


class InJob:
    """An attempt within a job; one whose time runs out, or that has to make way, is put back to resume."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt

    def __call__(self) -> None:
        """Run it to its end."""
        if self.attempt.begin():
            self.attempt.wait()

    def checkpoint(self) -> Any:
        """What SLURM is to run next in its place."""
        import submitit

        self.attempt.stop()
        self.attempt.wait()
        return submitit.helpers.DelayedSubmission(InJob(replace(self.attempt)))


class Job:
    """A run that was handed to the cluster."""

    def __init__(self, attempt: Attempt, executor: Any, states: States) -> None:
        self._attempt, self._executor, self._states = attempt, executor, states
        self._job: Any = None

    def begin(self) -> bool:
        """Hand it over; False where another process has it, or has ended it well."""
        if not self._states.is_open(self._attempt.run):
            return False
        self._job = self._executor.submit(InJob(self._attempt))
        return True

    def ended(self) -> RunState | None:
        """How it has ended, as the job has written it; None while it waits or runs."""
        if not self._job.done():
            return None
        found = self._states.kept(self._attempt.run)
        if found.state in ("waiting", "running"):
            why = f"with job {self._job.job_id}, which ended as {self._job.state}"
            found = found.model_copy(update={"state": "killed", "why": why})
            self._states.keep(self._attempt.run, found)
        return found

    def stop(self) -> None:
        """Cancel it."""
        self._job.cancel(check=False)

    def kill(self) -> None:
        """Cancel it."""
        self.stop()
