"""A run's own process: what it is told, how it ends, and that nothing of it is left."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from natv2.runs.config_file import read_config_file
from natv2.runs.report import REPORT, report
from natv2.sweep.attempt import Attempt, Share
from natv2.sweep.machine import shares, visible_gpus
from natv2.sweep.plan import PlannedRun
from natv2.sweep.state import RunState, States, telling_place

RUN = PlannedRun(
    pipeline="aep", key="0123", env="test", params={"seed": 1, "aep": {"lr": 0.5}}, told={"seed": 1}
)
SHARE = Share(threads=3)

SAYS = "import os; print(os.environ['OMP_NUM_THREADS'], os.environ.get('CUDA_VISIBLE_DEVICES'))"
ENDS_WELL = f"""
import json, os
{SAYS}
with open(os.environ["{REPORT}"], "w") as file:
    json.dump({{"version": "2026", "tracking_run": "ab", "places": {{"Table": "table.csv"}}}}, file)
"""
FAILS = "import sys; print('Error: no images'); print('more'); sys.exit(1)"
BREAKS = "raise ZeroDivisionError('a mistake')"
WAITS = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("begun", flush=True)
time.sleep(600)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + WAITS


@pytest.fixture
def attempt(tmp_path, monkeypatch) -> Callable[..., Attempt]:
    def made(script: str, share: Share = SHARE, run: PlannedRun = RUN) -> Attempt:
        monkeypatch.setattr(Attempt, "command", lambda self: ["-c", script])
        states = States(tmp_path / "sweep", tmp_path)
        return Attempt(run=run, versions={}, share=share, states=states, project=tmp_path)

    return made


def in_folder(folder: Path) -> list[psutil.Process]:
    """What still runs there."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def until(ready: Callable[[], object]) -> None:
    while not ready():
        time.sleep(0.02)


def said(one: Attempt) -> str:
    return one.states.log(RUN).read_text()


def test_it_ends_well_and_tells_where_it_is(attempt, tmp_path):
    (tmp_path / "table.csv").touch()
    one = attempt(ENDS_WELL, Share(threads=3, gpus=("1", "3")))
    assert one.begin()
    found = one.wait()
    assert (found.state, found.why, found.place) == ("finished", "", "table.csv")
    assert (found.version, found.tracking_run) == ("2026", "ab")
    assert found.computing == {"threads": 3, "workers": 2}
    assert one.states.of(RUN) == found
    assert "3 1,3" in said(one)
    # What has ended well is not begun again.
    again = attempt(ENDS_WELL)
    assert not again.begin()


def test_what_it_is_told_is_what_a_command_reads(attempt):
    one = attempt(SAYS)
    one.begin()
    one.wait()
    options = read_config_file(one.states.options(RUN), "run", ["params"])
    assert options == {"params": {"seed": 1, "aep": {"lr": 0.5}, "threads": 3, "workers": 1}}


def test_its_command_is_the_one_that_a_person_would_type(tmp_path):
    states = States(tmp_path / "sweep", tmp_path)
    versions = {"wide.supernet": "2", "narrow.supernet": "1"}
    one = Attempt(run=RUN, versions=versions, share=Share(threads=1), states=states, project=tmp_path)
    assert list(one.command()) == [
        *("-m", "natv2", "run", "--pipeline", "aep", "--env", "test"),
        *("--config", "sweep/aep_0123.config.json"),
        *("--load-versions", "narrow.supernet:1,wide.supernet:2"),
    ]


def test_it_resumes_with_the_threads_and_ranks_that_it_was_begun_with(attempt):
    """With others it would be another run, and nothing that was stopped would be resumed."""
    one = attempt(FAILS, Share(threads=2))
    one.begin()
    one.wait()
    again = attempt(SAYS, Share(threads=8))
    again.begin()
    assert again.wait().computing == {"threads": 2, "workers": 1}
    assert said(again).strip().endswith("2 None")


def test_one_alone_has_what_a_run_by_itself_has(attempt):
    one = attempt(SAYS, Share())
    one.begin()
    assert one.wait().computing == {}
    assert read_config_file(one.states.options(RUN), "run", ["params"]) == {"params": RUN.params}


def test_what_the_file_says_comes_first(attempt):
    one = attempt(SAYS, run=replace(RUN, computing={"threads": 7}))
    one.begin()
    assert one.wait().computing == {"threads": 7, "workers": 1}


def test_on_a_cpu_gpus_are_no_ranks():
    assert Share(threads=3, gpus=("0", "1")).computing(cpu=True) == {"threads": 3, "workers": 1}
    assert Share(threads=3, gpus=("0", "1")).computing(cpu=False) == {"threads": 3, "workers": 2}


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (FAILS, "no images"),
        (BREAKS, "ZeroDivisionError: a mistake"),
        ("import sys; sys.exit(3)", "exit code 3"),
    ],
)
def test_a_failure_is_told_with_its_reason(attempt, script, why):
    one = attempt(script)
    one.begin()
    found = one.wait()
    assert (found.state, found.why, found.place) == ("failed", why, "sweep/aep_0123.log")


def test_killed_it_says_so_and_can_be_begun_again(attempt, tmp_path):
    one = attempt(WAITS)
    one.begin()
    assert one.ended() is None and one.states.of(RUN).state == "running"
    until(lambda: "begun" in said(one))
    assert one._process is not None
    os.kill(one._process.pid, signal.SIGKILL)
    found = one.wait()
    assert (found.state, found.why) == ("killed", "by SIGKILL")
    assert in_folder(tmp_path) == []  # what it had started itself neither
    assert attempt(SAYS).begin()


def test_a_stop_is_polite_and_leaves_nothing(attempt, tmp_path):
    one = attempt(WAITS)
    one.begin()
    until(lambda: "begun" in said(one))
    until(lambda: len(in_folder(tmp_path)) == 2)
    one.stop()
    assert one.wait().state == "stopped"
    assert in_folder(tmp_path) == []


def test_what_does_not_end_is_ended(attempt, tmp_path):
    one = attempt(STUBBORN)
    one.begin()
    until(lambda: "begun" in said(one))
    one.stop()
    assert one.ended() is None
    one.kill()
    found = one.ended()
    assert found is not None and found.state == "stopped" and in_folder(tmp_path) == []


def test_two_have_not_the_same_run(attempt):
    one, other = attempt(WAITS), attempt(WAITS)
    assert one.begin()
    assert not other.begin()
    one.kill()
    one.ended()


def test_time_is_that_of_all_attempts(attempt):
    one = attempt(FAILS)
    one.begin()
    seconds = one.wait().seconds
    one.states.keep(RUN, RunState(state="failed", seconds=1000.0))
    again = attempt(FAILS)
    again.begin()
    assert again.wait().seconds > 1000.0 > seconds


def test_processors_and_gpus_are_divided():
    assert shares(1, 8, ["0", "1"]) == [Share()]
    assert shares(3, 8, []) == [Share(threads=2)] * 3
    assert [each.gpus for each in shares(2, 2, ["0", "1", "2", "3"])] == [("0", "2"), ("1", "3")]
    assert [each.gpus for each in shares(3, 2, ["0", "5"])] == [("0",), ("5",), ("0",)]
    assert shares(4, 2, ["0"])[3] == Share(threads=1, gpus=("0",))


def test_gpus_are_those_that_this_process_may_use(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 5")
    assert visible_gpus() == ["2", "5"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert visible_gpus() == []
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert visible_gpus() == []
    (tool := tmp_path / "nvidia-smi").write_text(f"#!{sys.executable}\nprint('0\\n1')\n")
    tool.chmod(0o755)
    assert visible_gpus() == ["0", "1"]


def test_the_place_that_is_told_has_tables_in_it():
    places = {"Network": "data/06_models/a", "Table": "data/08_reporting/b", "Files": "data/06_models/c"}
    assert telling_place(places) == "data/08_reporting/b"
    assert telling_place({"Network": "data/06_models/a"}) == "data/06_models/a"
    assert telling_place({}) == ""


def test_a_run_tells_where_it_was_asked_to(tmp_path, monkeypatch):
    monkeypatch.delenv(REPORT, raising=False)
    report(version="1")
    monkeypatch.setenv(REPORT, str(tmp_path / "report.json"))
    report(version="1", places={})
    assert json.loads((tmp_path / "report.json").read_text()) == {"version": "1", "places": {}}
