"""The runs of a sweep, some at a time, in an order in which none trains what another is training."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from natv2.sweep.plan import PlannedRun
from natv2.sweep.state import RunState, States

_LOOK_S = 0.1
_ELSEWHERE_S = 2.0  # between looks at what another sweep runs
_END_S = 60.0  # for runs to end politely


class Handle(Protocol):
    """A run that was handed out."""

    def begin(self) -> bool: ...  # noqa: D102
    def ended(self) -> RunState | None: ...  # noqa: D102
    def stop(self) -> None: ...  # noqa: D102
    def kill(self) -> None: ...  # noqa: D102


class Launcher(Protocol):
    """Where runs are computed: `slots` at a time. Those handed out `together` go as one."""

    slots: int

    def handle(self, run: PlannedRun, versions: Mapping[str, str], slot: int) -> Handle: ...  # noqa: D102
    def together(self) -> AbstractContextManager[object]: ...  # noqa: D102


Told = Callable[[PlannedRun, RunState], None]
"""Takes a run whose state has changed."""


Stops = Callable[[], int]
"""How often a stop was asked for: no signal interrupts what starts a process."""


class Pool:
    """All runs of `plan`: those that have ended well are passed over, those that were stopped resume."""

    def __init__(
        self, plan: Sequence[PlannedRun], states: States, launcher: Launcher, told: Told, stops: Stops
    ) -> None:
        self._plan, self._states, self._launcher = plan, states, launcher
        self._told, self._stops = told, stops
        self._known = {run.key: states.of(run) for run in plan}
        self._running: dict[int, tuple[PlannedRun, Handle]] = {}
        self._elsewhere: dict[str, float] = {}
        self._done = {key for key, state in self._known.items() if state.state == "finished"}

    def work(self) -> None:
        """Run until nothing is left that can be begun, or a stop is asked for; none runs on afterwards."""
        try:
            while not self._stops() and (self._begin() or self._running or self._elsewhere):
                self._end()
                time.sleep(_LOOK_S)
        finally:
            self._stop()

    def state(self, run: PlannedRun) -> RunState:
        """How `run` stands, with what it waits for."""
        found = self._known[run.key]
        missing = [each for each in self._plan if each.key in run.after - self._finished]
        if found.state != "waiting" or not missing:
            return found
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        return found.model_copy(update={"why": f"for {missing[0].name}{more}"})

    @property
    def _finished(self) -> set[str]:
        return {key for key, state in self._known.items() if state.state == "finished"}

    def _begin(self) -> bool:
        """Hand out what can be begun and has a slot; whether there was any."""
        begun = False
        with self._launcher.together():
            for run in self._startable():
                slot = next((n for n in range(self._launcher.slots) if n not in self._running), None)
                if slot is None:
                    break
                if run.key in self._done or not self._is_free(run):
                    continue
                versions = {entry: self._known[key].version or "" for entry, key in run.reads.items()}
                handle = self._launcher.handle(run, versions, slot)
                if not handle.begin():
                    self._look_elsewhere(run)
                    continue
                self._running[slot] = (run, handle)
                self._elsewhere.pop(run.key, None)
                self._done.add(run.key)
                state = self._states.of(run)
                if state.state != "running":  # it is in the queue of a cluster
                    state = state.model_copy(update={"state": "running", "why": "handed over"})
                self._tell(run, state)
                begun = True
        return begun

    def _startable(self) -> Iterable[PlannedRun]:
        now = time.monotonic()
        for run in self._plan:
            waits = self._elsewhere.get(run.key, now) > now
            if run.key not in self._done and run.after <= self._finished and not waits:
                yield run

    def _is_free(self, run: PlannedRun) -> bool:
        """Whether nothing that `run` would train is being trained: what another has made it takes."""
        made = {mark for each in self._plan if each.key in self._finished for mark in each.shares}
        making = {mark for each, _ in self._running.values() for mark in each.shares}
        return not (run.shares & making) - made

    def _look_elsewhere(self, run: PlannedRun) -> None:
        """Another sweep has it: it may have ended it, or be at it."""
        state = self._states.of(run)
        if state.state == "finished":
            self._elsewhere.pop(run.key, None)
            self._done.add(run.key)
        else:
            state = state.model_copy(update={"state": "running", "why": "in another process"})
            self._elsewhere[run.key] = time.monotonic() + _ELSEWHERE_S
        if state != self._known[run.key]:
            self._tell(run, state)

    def _end(self) -> None:
        for slot, (run, handle) in list(self._running.items()):
            state = handle.ended()
            if state is not None:
                del self._running[slot]
                self._tell(run, state)

    def _stop(self) -> None:
        """End all that run, politely, and at once where they take too long or that is asked for again."""
        try:
            for _, handle in self._running.values():
                handle.stop()
            until, asked = time.monotonic() + _END_S, self._stops()
            while self._running and time.monotonic() < until and self._stops() == asked:
                self._end()
                time.sleep(_LOOK_S)
        finally:
            for _, handle in self._running.values():
                handle.kill()
            self._end()

    def _tell(self, run: PlannedRun, state: RunState) -> None:
        self._known[run.key] = state
        self._told(run, state)
