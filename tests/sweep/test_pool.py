"""Which runs go when: with runs that take no time, and are told when to end."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from natv2.sweep.plan import PlannedRun
from natv2.sweep.pool import Pool
from natv2.sweep.state import RunState, State, States

Ending = Callable[[PlannedRun], State]


def run(key: str, after: tuple[str, ...] = (), shares: tuple[str, ...] = (), **reads: str) -> PlannedRun:
    return PlannedRun(
        pipeline="aep",
        key=key,
        env=None,
        params={},
        told={"name": key},
        after=frozenset(after),
        shares=frozenset(shares),
        reads=reads,
    )


@dataclass
class Here:
    """Runs that end when they are looked at for the second time, as `ends` has it."""

    states: States
    slots: int = 2
    ends: Ending = lambda run: "finished"
    events: list[str] = field(default_factory=list)
    at_once: int = 0
    most: int = 0

    def handle(self, run: PlannedRun, versions: Mapping[str, str], slot: int) -> "Handed":
        return Handed(self, run, dict(versions))

    def together(self) -> AbstractContextManager[object]:
        return nullcontext()


@dataclass
class Handed:
    here: Here
    run: PlannedRun
    versions: dict[str, str]
    looks: int = 0
    stopped: bool = False

    def begin(self) -> bool:
        if not self.here.states.is_open(self.run):
            return False
        self.here.events.append(f"{self.run.key} begins {self.versions or ''}".strip())
        self.here.at_once += 1
        self.here.most = max(self.here.most, self.here.at_once)
        return True

    def ended(self) -> RunState | None:
        self.looks += 1
        if self.looks < 2 and not self.stopped:
            return None
        self.here.at_once -= 1
        state: State = "stopped" if self.stopped else self.here.ends(self.run)
        found = RunState(state=state, version=f"version of {self.run.key}")
        self.here.states.keep(self.run, found)
        self.here.events.append(f"{self.run.key} {state}")
        return found

    def stop(self) -> None:
        self.stopped = True

    def kill(self) -> None:
        raise AssertionError("it has ended politely")


@pytest.fixture
def here(tmp_path, monkeypatch) -> Here:
    monkeypatch.setattr("natv2.sweep.pool._LOOK_S", 0.0)
    monkeypatch.setattr("natv2.sweep.pool._ELSEWHERE_S", 0.0)
    return Here(States(tmp_path / "sweep", tmp_path))


def work(here: Here, *plan: PlannedRun, stops: Callable[[], int] = lambda: 0) -> dict[str, RunState]:
    (here.states.folder).mkdir(exist_ok=True)
    pool = Pool(plan, here.states, here, lambda run, state: None, stops)
    pool.work()
    return {each.key: pool.state(each) for each in plan}


def states(found: Mapping[str, RunState]) -> list[str]:
    return [state.state for state in found.values()]


def test_as_many_run_at_once_as_there_are_slots(here):
    here.slots = 3
    assert states(work(here, *(run(str(number)) for number in range(8)))) == ["finished"] * 8
    assert here.most == 3


def test_what_has_finished_is_passed_over_and_all_else_is_done_again(here):
    first = [run("a"), run("b"), run("c")]
    here.ends = lambda each: "finished" if each.key == "a" else "failed"
    assert states(work(here, *first)) == ["finished", "failed", "failed"]
    here.events.clear()
    here.ends = lambda each: "finished"
    assert states(work(here, *first, run("d"))) == ["finished"] * 4
    assert [event for event in here.events if "begins" in event] == ["b begins", "c begins", "d begins"]


def test_a_run_that_fails_leaves_the_others_alone_and_those_after_it_waiting(here):
    here.ends = lambda each: "killed" if each.key == "a" else "finished"
    found = work(
        here, run("a"), run("b", after=("a",)), run("c"), run("d", after=("c",)), run("e", ("b", "d"))
    )
    assert states(found) == ["killed", "waiting", "finished", "finished", "waiting"]
    assert found["b"].why == "for aep name=a" and found["e"].why == "for aep name=b"


def test_what_a_run_reads_is_of_the_run_that_it_follows(here):
    work(here, run("a"), run("b", after=("a",), front="a"))
    assert "b begins {'front': 'version of a'}" in here.events


def test_nobody_trains_what_another_is_training(here):
    """DESC and MIX have both trainings in common, ASC the single-exit network; another seed nothing."""
    plan = [
        run("desc 0", shares=("baseline 0", "descending 0")),
        run("mix 0", shares=("baseline 0", "descending 0")),
        run("asc 0", shares=("baseline 0", "ascending 0")),
        run("desc 1", shares=("baseline 1", "descending 1")),
    ]
    here.slots = 4
    assert states(work(here, *plan)) == ["finished"] * 4
    assert here.events[:4] == ["desc 0 begins", "desc 1 begins", "desc 0 finished", "desc 1 finished"]
    assert here.events[4:6] == ["mix 0 begins", "asc 0 begins"]  # what there is they take, both at once


def test_where_the_first_fails_the_next_trains_what_they_share(here):
    here.ends = lambda each: "failed" if each.key == "a" else "finished"
    plan = [run("a", shares=("x",)), run("b", shares=("x",)), run("c", shares=("x",))]
    assert states(work(here, *plan)) == ["failed", "finished", "finished"]
    assert here.events.index("b finished") < here.events.index("c begins")


def test_a_stop_ends_all_that_run_and_begins_nothing(here):
    asked = []

    def stops() -> int:
        asked.append(len(here.events))
        return int(len(here.events) >= 2)

    found = work(here, run("a"), run("b"), run("c"), stops=stops)
    assert states(found) == ["stopped", "stopped", "waiting"]
    assert states(work(here, run("a"), run("b"), run("c"))) == ["finished"] * 3


def test_what_ends_the_sweep_itself_ends_its_runs(here, monkeypatch):
    def full(run: PlannedRun, state: RunState) -> None:
        raise OSError("the disk is full")

    here.states.folder.mkdir()
    with pytest.raises(OSError, match="full"):
        Pool([run("a"), run("b")], here.states, here, full, lambda: 0).work()
    assert here.at_once == 0


def test_what_another_sweep_has_is_waited_for_and_not_run_twice(here):
    mine, theirs = run("mine", after=("theirs",)), run("theirs")
    here.states.folder.mkdir()
    lock = here.states.lock(theirs)
    lock.acquire()
    here.states.keep(theirs, RunState(state="running"))
    looks = []

    def told(each: PlannedRun, state: RunState) -> None:
        looks.append((each.key, state.state, state.why))

    def stops() -> int:
        if looks and lock.is_locked:  # it has been seen to run elsewhere: now it ends there
            here.states.keep(theirs, RunState(state="finished", version="1"))
            lock.release()
        return 0

    Pool([theirs, mine], here.states, here, told, stops).work()
    assert looks[:2] == [("theirs", "running", "in another process"), ("theirs", "finished", "")]
    assert here.events == ["mine begins", "mine finished"]


def test_results_that_are_gone_are_made_again(here, tmp_path):
    (place := tmp_path / "results.csv").touch()
    one = run("a")
    here.states.folder.mkdir()
    here.states.keep(one, RunState(state="finished", place="results.csv", computing={"threads": 3}))
    assert states(work(here, one)) == ["finished"] and here.events == []
    place.unlink()
    assert here.states.of(one) == RunState(computing={"threads": 3}, why="its results are gone")
    work(here, one)
    assert here.events == ["a begins", "a finished"]


def test_what_was_killed_with_its_sweep_has_stopped(here):
    here.states.folder.mkdir()
    here.states.keep(run("a"), RunState(state="running"))
    assert here.states.of(run("a")).state == "stopped"
    with here.states.lock(run("a")):
        assert here.states.of(run("a")).state == "running"


def test_a_damaged_state_is_none(here):
    here.states.folder.mkdir()
    here.states.keep(run("a"), RunState(state="finished"))
    (file,) = Path(here.states.folder).glob("*.state.json")
    file.write_text('{"state": "fini')
    assert here.states.of(run("a")) == RunState()
