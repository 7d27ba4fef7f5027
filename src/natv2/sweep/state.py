"""What is known of each run of a sweep: a small file a run, written whole, which the next command reads."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from natv2.atomic import write_bytes
from natv2.sweep.plan import PlannedRun

State = Literal["waiting", "running", "finished", "stopped", "killed", "failed"]
_RESULTS = "data/08_reporting/"


class RunState(BaseModel):
    """How a run stands: `why`, where it has not ended well; `place` of its results, else of its log.

    `computing` are the threads and ranks that it was begun with: with others nothing that was stopped is
    resumed, or not to the same bits; None: nothing was begun. `version` is
    that of all it saves, `tracking_run` the id of its MLflow run. Times are in UTC; `seconds` is all the time
    that it has taken, over however many attempts.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: State = "waiting"
    why: str = ""
    place: str = ""
    computing: dict[str, int] | None = None
    version: str | None = None
    tracking_run: str | None = None
    begun: str = ""
    seconds: float = 0.0
    pipeline: str = ""
    params: dict[str, Any] = {}


class States:
    """Those of all runs of one sweep, in its `folder` of the project."""

    def __init__(self, folder: Path, project: Path) -> None:
        self.folder, self._project = folder, project

    def of(self, run: PlannedRun) -> RunState:
        """How `run` stands: waiting, where nothing is known or its results are not there any more.

        What says that it runs, and is waited for by nobody, was killed with whoever did.
        """
        found = self.kept(run)
        if found.state == "running" and self._is_free(run):
            return found.model_copy(update={"state": "stopped", "why": "its sweep was killed"})
        if found.state == "finished" and found.place and not (self._project / found.place).exists():
            return RunState(computing=found.computing, why="its results are gone")
        return found

    def kept(self, run: PlannedRun) -> RunState:
        """What was kept of `run` last."""
        try:
            return RunState.model_validate_json(self._file(run).read_text(encoding="utf-8"))
        except (OSError, ValidationError):  # a damaged one is none
            return RunState()

    def is_open(self, run: PlannedRun) -> bool:
        """Whether `run` is to be done: no process has it, and none has ended it well."""
        return self._is_free(run) and self.of(run).state != "finished"

    def _is_free(self, run: PlannedRun) -> bool:
        try:
            with self.lock(run).acquire(timeout=0):
                return True
        except Timeout:
            return False

    def keep(self, run: PlannedRun, state: RunState) -> None:
        """Write it in place of what was there."""
        write_bytes(self._file(run), state.model_dump_json(indent=1).encode())

    def log(self, run: PlannedRun) -> Path:
        """What `run` writes."""
        return self.folder / f"{run.file}.log"

    def report(self, run: PlannedRun) -> Path:
        """Where `run` tells its version and places (natv2.runs.report)."""
        return self.folder / f"{run.file}.report.json"

    def options(self, run: PlannedRun) -> Path:
        """The file with the parameters of `run`, for `natv2 run --config`."""
        return self.folder / f"{run.file}.config.json"

    def lock(self, run: PlannedRun) -> FileLock:
        """Held by whoever waits for `run`: freed where that is killed too."""
        return FileLock(self.folder / f".{run.file}.lock")

    def shown(self, path: Path) -> str:
        """`path` within the project."""
        return str(path.relative_to(self._project)) if path.is_relative_to(self._project) else str(path)

    def _file(self, run: PlannedRun) -> Path:
        return self.folder / f"{run.file}.state.json"


def reported(file: Path) -> Mapping[str, Any]:
    """What a run has told there: nothing yet, where it has not begun."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def telling_place(places: Mapping[str, str]) -> str:
    """Of the places of a run the last with tables or figures; the last of all, where there is none."""
    found = list(places.values())
    telling = [place for place in found if place.startswith(_RESULTS)]
    return (telling or found or [""])[-1]
