"""`natv2 sweep` as a person gives it: in the toy project, whose runs are processes of their own."""

import csv
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from natv2.sweep.command import sweep
from natv2.sweep.plan import PlannedRun
from natv2.sweep.state import RunState
from natv2.sweep.table import shown_table, write_table
from tests.conftest import REPOSITORY, ToyProject

FILE = "pipelines: [ofav2_eps]\nenv: test\ncompare: false\ngrid: {seed: [0, 1]}\n"
FOLDER = Path("data/08_reporting/test/sweeps/sweep")
SLOW = """

def BEFORE_EPOCH(epoch):
    import pathlib, time
    print("epoch", epoch, flush=True)
    while epoch == 1 and not pathlib.Path("go").exists():
        time.sleep(0.05)
"""


def give(toy: ToyProject, *options: str, text: str = FILE) -> Result:
    (toy.root / "sweep.yml").write_text(text)
    return CliRunner().invoke(sweep, ["sweep.yml", *options])


def rows(toy: ToyProject) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((toy.root / FOLDER / "sweep.csv").read_text())))


def until(ready: Callable[[], object], process: "subprocess.Popen[str]") -> None:
    while not ready():
        assert process.poll() is None
        time.sleep(0.05)


def logs(toy: ToyProject) -> list[str]:
    return [file.read_text() for file in sorted((toy.root / FOLDER).glob("*.log"))]


def children(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


@pytest.fixture
def begin(toy) -> Iterator["Callable[[], subprocess.Popen[str]]"]:
    """Starts a sweep of two runs, each of which waits in its second epoch until the file `go` is there."""
    registry = toy.root / "src/toy_natv2/pipeline_registry.py"
    before = registry.read_text()
    registry.write_text(before + SLOW)
    (toy.root / "sweep.yml").write_text(FILE)
    processes = []

    def start() -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "natv2", "sweep", "sweep.yml", "--jobs", "2"],
            cwd=toy.root,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY / "src")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.terminate()
        process.wait()
    (toy.root / "go").unlink(missing_ok=True)
    registry.write_text(before)


def test_a_killed_and_a_stopped_run_are_told_and_resume_and_none_is_left(toy, begin):
    """One story, since a run takes seconds to start: killed, resumed, stopped, resumed, passed over."""
    go = toy.root / "go"
    process = begin()
    until(lambda: len(logs(toy)) == 2 and all("epoch 1" in log for log in logs(toy)), process)
    min(children(process), key=lambda each: each.pid).kill()
    go.touch()
    said, _ = process.communicate()
    assert process.returncode == 1
    assert sorted(row["state"] for row in rows(toy)) == ["finished", "killed"]
    (killed,) = [row for row in rows(toy) if row["state"] == "killed"]
    assert killed["why"] == "by SIGKILL" and killed["place"].endswith(".log")

    go.unlink()
    process = begin()
    until(lambda: sorted(log.count("epoch 1") for log in logs(toy)) == [1, 2], process)
    (running,) = children(process)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert sorted(row["state"] for row in rows(toy)) == ["finished", "stopped"]
    assert not running.is_running()
    assert "the same command resumes what has not finished" in said

    go.touch()
    process = begin()
    said, _ = process.communicate()
    assert process.returncode == 0 and said.count("  begun ") == 1
    assert all(log.count("epoch 0") == 1 for log in logs(toy))
    assert sum(log.count("resumed from") for log in logs(toy)) == 2
    assert all(row["state"] == "finished" and row["version"] and row["mlflow_run"] for row in rows(toy))
    assert {(row["pipeline"], row["seed"]) for row in rows(toy)} == {("ofav2_eps", "0"), ("ofav2_eps", "1")}

    again = give(toy)  # in this process, since nothing is begun
    assert again.exit_code == 0 and "begun  " not in again.output and "2 finished" in again.output
    assert toy.attempts == []


@pytest.mark.parametrize(
    ("options", "text", "message"),
    [
        (("--jobs", "0"), FILE, "--jobs 0: at least one run at a time is needed"),
        (("--jobs", "-3"), FILE, "--jobs -3: at least one run at a time is needed"),
        ((), FILE.replace("test", "nope"), "unknown environment 'nope'; known: base, demo, local, photos"),
        ((), FILE.replace("seed: [", "sede: ["), "unknown parameter 'sede' (did you mean 'seed'?)"),
        ((), FILE.replace("[0, 1]", "[0, two]"), "with seed=two: parameter 'seed' cannot be 'two'"),
        ((), FILE.replace("[ofav2_eps]", "[ofa_eps]"), "'pipelines.0' cannot be 'ofa_eps': known: images, "),
        ((), FILE.replace("[0, 1]", "[]"), "'grid.seed' cannot be []: at least one is needed"),
        ((), "pipelines: [", "is no YAML of plain values"),
    ],
)
def test_a_wrong_command_ends_with_one_line_and_begins_nothing(toy, options, text, message):
    result = give(toy, *options, text=text)
    assert result.exit_code == 1 and len(result.output.splitlines()) == 1, result.output
    assert result.output.startswith("Error: ") and message in result.output
    assert not (toy.root / "data").exists()


def test_slurm_without_submitit_is_told_before_anything(toy, monkeypatch):
    monkeypatch.setattr("natv2.sweep.cluster.find_spec", lambda name: None)
    result = give(toy, "--slurm")
    assert result.output == 'Error: --slurm needs submitit: pip install "natv2[slurm]"\n'
    assert result.exit_code == 1 and not (toy.root / "data").exists()


REFUSED = """
import sys
from natv2.__main__ import main

for wrong in ("seed: [-1]", "sede: [1]", "seed: []"):
    with open(sys.argv[1], "w") as file:
        file.write(f"pipelines: [aep]\\nenv: test\\ngrid: {{{wrong}}}\\n")
    sys.argv = ["natv2", "sweep", sys.argv[1]]
    try:
        main()
    except SystemExit as stop:
        assert stop.code == 1
    sys.argv = ["", sys.argv[2]]
print(sorted({"torch", "mlflow", "sklearn", "lightgbm", "pymoo", "plotly", "matplotlib"} & set(sys.modules)))
"""


def test_what_is_refused_has_loaded_nothing_large(tmp_path):
    command = [sys.executable, "-c", REFUSED, str(tmp_path / "sweep.yml")]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert len(result.stderr.splitlines()) == 3 and result.stderr.count("Error: sweep ") == 3, result.stderr
    assert result.stdout == "[]\n"


def test_show_tells_and_begins_nothing(toy):
    result = give(toy, "--show")
    assert result.exit_code == 0 and result.output.count("waiting") == 3
    assert [(row["seed"], row["state"]) for row in rows(toy)] == [("0", "waiting"), ("1", "waiting")]


def test_the_table_fits_a_terminal_and_is_a_line_a_run_in_files(tmp_path):
    told = {"network": "a.very.long.package.name:function", "weights": "DESC", "seed": 1}
    run = PlannedRun(pipeline="aep", key="1", env=None, params={}, told=told)
    place = "data/08_reporting/test/aep/digits/mobilenet_v3_small/DESC/train_16/aep_results.csv/2026/aep.csv"
    state = RunState(state="finished", place=place, seconds=3700.0)
    for width in (40, 80, 200):
        shown = shown_table([(run, state)], Console(width=width, force_terminal=True))
        assert max(map(len, shown.splitlines())) <= width
        text = "".join(line[9:].split("  ")[0].strip() for line in shown.splitlines()[2:])
        assert place in text.replace(" ", "")
    plain = shown_table([(run, state)], Console(file=io.StringIO(), width=20))
    assert place in plain and "1:01:40" in plain


def test_a_spreadsheet_computes_nothing_of_the_table(tmp_path):
    run = PlannedRun(pipeline="aep", key="1", env=None, params={}, told={"data_path": "=cmd()", "seed": -1})
    write_table(tmp_path / "sweep.csv", [(run, RunState(state="failed", why="@x"))])
    (row,) = csv.DictReader(io.StringIO((tmp_path / "sweep.csv").read_text()))
    assert (row["data_path"], row["seed"], row["why"]) == ("'=cmd()", "-1", "'@x")
