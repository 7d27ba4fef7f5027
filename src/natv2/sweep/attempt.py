"""A run in a process of its own: begun, watched, ended, and its state written."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from natv2.atomic import write_bytes
from natv2.runs.report import REPORT
from natv2.sweep.plan import PlannedRun
from natv2.sweep.state import RunState, State, States, reported, telling_place

_LOG_WIDTH = "200"
_LOOK_S = 1.0
_TAIL = 1 << 16  # bytes of a log that are looked at
_LONGEST = 200  # characters of what is said of a failure
_PR_SET_PDEATHSIG = 1
_LINUX = ctypes.CDLL(None) if sys.platform == "linux" else None  # before a fork, after which little is safe


@dataclass(frozen=True, kw_only=True)
class Share:
    """What a process may use: `threads`, and the numbers of `gpus` (None: whichever there are).

    Threads None: all that is there, as a run by itself has it.
    """

    threads: int | None = None
    gpus: tuple[str, ...] | None = None

    def computing(self, cpu: bool) -> dict[str, int]:
        """Threads and ranks of a run on a `cpu`, or on whichever device there is."""
        if self.threads is None:
            return {}
        return {"threads": self.threads, "workers": 1 if cpu or self.gpus is None else len(self.gpus)}


@dataclass(kw_only=True)
class Attempt:
    """One attempt at `run`, which reads the `versions` of entries that others have made."""

    run: PlannedRun
    versions: Mapping[str, str]
    share: Share
    states: States
    project: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _before: RunState = field(default_factory=RunState, init=False)
    _began: float = field(default=0.0, init=False)
    _stopping: bool = field(default=False, init=False)
    _log_start: int = field(default=0, init=False)
    _lock: FileLock = field(init=False)

    def begin(self) -> bool:
        """Start its process; False where another has it already, or has ended it well."""
        self.states.folder.mkdir(parents=True, exist_ok=True)
        self._lock = self.states.lock(self.run)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        self._before, self._began = self.states.of(self.run), time.monotonic()
        if self._before.state == "finished":
            self._lock.release()
            return False
        before = self._before.computing
        shared = self.share.computing(self.run.cpu) if before is None else before
        self._start({**shared, **self.run.computing})
        return True

    def _start(self, computing: Mapping[str, int]) -> None:
        content = {"run": {"params": {**self.run.params, **computing}}}
        write_bytes(self.states.options(self.run), json.dumps(content, indent=1).encode())
        self.states.report(self.run).unlink(missing_ok=True)
        self._keep("running", computing=computing, begun=datetime.now(UTC).isoformat(timespec="seconds"))
        environment = {**os.environ, **self._told(computing)}
        with self.states.log(self.run).open("ab") as log:
            log.write(f"── {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC: {' '.join(self.command())}\n".encode())
            log.flush()
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, *self.command()],
                cwd=self.project,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is the sweep's to hand on
                preexec_fn=_end_with_parent,
            )

    def _told(self, computing: Mapping[str, int]) -> dict[str, str]:
        """What its environment says beside this one's."""
        told = {REPORT: str(self.states.report(self.run)), "PYTHONUNBUFFERED": "1", "COLUMNS": _LOG_WIDTH}
        if "threads" in computing:
            told["OMP_NUM_THREADS"] = str(computing["threads"])
        if self.share.gpus is not None:
            told["CUDA_VISIBLE_DEVICES"] = ",".join(self.share.gpus)
        return told

    def command(self) -> Sequence[str]:
        """What follows `python`."""
        pinned = ",".join(f"{entry}:{version}" for entry, version in sorted(self.versions.items()))
        return [
            *("-m", "natv2", "run", "--pipeline", self.run.pipeline),
            *(("--env", self.run.env) if self.run.env else ()),
            *("--config", self.states.shown(self.states.options(self.run))),
            *(("--load-versions", pinned) if pinned else ()),
        ]

    def ended(self) -> RunState | None:
        """How it has ended, written; None while it runs."""
        assert self._process is not None
        code = self._process.poll()
        if code is None:
            return None
        self._signal(signal.SIGKILL)  # whatever it has started and left
        found = self._keep(*self._outcome(code))
        self._lock.release()
        return found

    def _outcome(self, code: int) -> tuple[State, str]:
        if code == 0:
            return "finished", ""
        if self._stopping:
            return "stopped", "with the sweep"
        if code < 0:
            return "killed", f"by {signal.Signals(-code).name}"
        return "failed", self._reason(code)

    def wait(self) -> RunState:
        """Wait for its end."""
        assert self._process is not None
        while (found := self.ended()) is None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_LOOK_S)
        return found

    def stop(self) -> None:
        """Ask it to end: it keeps what it needs to resume."""
        self._stopping = True
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, with all that it has started."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):  # all of them are gone
                os.killpg(self._process.pid, number)

    def _keep(self, state: State, why: str = "", **values: object) -> RunState:
        told = reported(self.states.report(self.run))
        places = told.get("places", {})
        found = RunState.model_validate(
            {
                **self._before.model_dump(include={"computing", "begun", "version", "tracking_run"}),
                "state": state,
                "why": why,
                "place": telling_place(places) or self.states.shown(self.states.log(self.run)),
                "seconds": self._before.seconds + time.monotonic() - self._began,
                "pipeline": self.run.pipeline,
                "params": self.run.params,
                **{name: told[name] for name in ("version", "tracking_run") if name in told},
                **values,
            }
        )
        if state == "running":
            self._before = found.model_copy(update={"seconds": self._before.seconds})
        self.states.keep(self.run, found)
        return found

    def _reason(self, code: int) -> str:
        """What its log says last: the error for people, else its last line."""
        with self.states.log(self.run).open("rb") as log:
            log.seek(max(self._log_start, log.seek(0, os.SEEK_END) - _TAIL))
            lines = [line.strip() for line in log.read().decode(errors="replace").splitlines()]
        said = [line for line in lines if line]
        errors = [line.removeprefix("Error: ") for line in said if line.startswith("Error: ")]
        last = (errors or said or [f"exit code {code}"])[-1]
        return last if len(last) <= _LONGEST else f"{last[:_LONGEST]}..."


def _end_with_parent() -> None:
    """Let Linux end this process politely where the sweep's own is killed and can end nothing any more."""
    if _LINUX is not None:
        _LINUX.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
