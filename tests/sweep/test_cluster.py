"""Runs as jobs of a cluster: submitit's own stand-in for one, in processes on this machine."""

import os
import sys
import time
from pathlib import Path

import pytest

from natv2.errors import UserError
from natv2.sweep.attempt import Attempt, Share
from natv2.sweep.cluster import Cluster, InJob, job_options
from natv2.sweep.config import SlurmConfig, SweepConfig
from natv2.sweep.plan import PlannedRun
from natv2.sweep.pool import Pool
from natv2.sweep.state import RunState, States

submitit = pytest.importorskip("submitit")

SWEEP = SweepConfig(pipelines=("aep",), slurm=SlurmConfig(time="5m", cpus=2, gpus=0))
COUNTS = "import pathlib; pathlib.Path('ran').open('a').write('once ')"
WAITS = "import time; print('begun', flush=True); time.sleep(600)"


def run(key: str, **values: object) -> PlannedRun:
    told = {"pipeline": "aep", "key": key, "env": None, "params": {}, "told": {"name": key}}
    return PlannedRun(**{**told, **values})


@pytest.fixture
def states(tmp_path) -> States:
    return States(tmp_path / "sweep", tmp_path)


def scripted(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Jobs are pickled by reference: what they are to run is told by the environment."""
    monkeypatch.setenv("SCRIPT", script)


class Scripted(Attempt):
    """One that runs what SCRIPT says, as its jobs inherit it."""

    def command(self) -> list[str]:
        return ["-c", "import os; exec(os.environ['SCRIPT'])"]


@pytest.fixture
def cluster(states, tmp_path, monkeypatch) -> Cluster:
    monkeypatch.setattr("natv2.sweep.cluster.Attempt", Scripted)
    monkeypatch.setattr("natv2.sweep.pool._LOOK_S", 0.05)
    return Cluster(SWEEP, 2, states, tmp_path, kind="local")


def work(cluster: Cluster, states: States, *plan: PlannedRun, stops=lambda: 0) -> list[RunState]:
    pool = Pool(plan, states, cluster, lambda run, state: None, stops)
    pool.work()
    return [pool.state(each) for each in plan]


def test_jobs_write_how_they_ended_and_are_passed_over_then(cluster, states, tmp_path, monkeypatch):
    scripted(monkeypatch, COUNTS)
    plan = [run("a"), run("b", after=frozenset("a"))]
    assert [state.state for state in work(cluster, states, *plan)] == ["finished", "finished"]
    assert (tmp_path / "ran").read_text() == "once once "
    assert [state.state for state in work(cluster, states, *plan)] == ["finished", "finished"]
    assert (tmp_path / "ran").read_text() == "once once "


def test_a_stop_cancels_the_jobs(cluster, states, monkeypatch):
    scripted(monkeypatch, WAITS)
    one = run("a")

    def stops() -> int:
        return int(states.log(one).exists() and states.log(one).read_text().endswith("begun\n"))

    (state,) = work(cluster, states, one, stops=stops)
    assert state.state in ("stopped", "killed")
    until = time.monotonic() + 60
    while not states.is_open(one) and time.monotonic() < until:  # its process ends politely
        time.sleep(0.1)
    assert states.is_open(one)


def test_a_job_that_has_to_make_way_is_put_back(states, tmp_path, monkeypatch):
    scripted(monkeypatch, WAITS)
    attempt = Scripted(run=run("a"), versions={}, share=Share(threads=1), states=states, project=tmp_path)
    job = InJob(attempt)
    assert attempt.begin()
    again = job.checkpoint()
    assert states.of(run("a")).state == "stopped"
    scripted(monkeypatch, COUNTS)
    again.function()
    assert states.of(run("a")).state == "finished"


def test_what_a_cluster_is_asked_for():
    slurm = SlurmConfig(
        partition="gpu", account="me", time="1h30m", gpus=1, cpus=4, memory_gb=32, more={"qos": "long"}
    )
    options = job_options(slurm, 8, "slurm")
    assert options == {
        "name": "natv2",
        "timeout_min": 90,
        "cpus_per_task": 4,
        "gpus_per_node": 1,
        "mem_gb": 32,
        "slurm_array_parallelism": 8,
        "slurm_partition": "gpu",
        "slurm_account": "me",
        "slurm_additional_parameters": {"qos": "long"},
    }


SBATCH = """#!PYTHON
import os, re, subprocess, sys
script = sys.argv[-1]
text = open(script).read()
open("ARRAYS", "a").write(text)
array = re.search(r"--array=0-(\\d+)%(\\d+)", text)
job = "77"
for task in range(int(array[1]) + 1) if array else [None]:
    told = {"SLURM_JOB_ID": job, "SLURM_JOB_NUM_NODES": "1", "SLURM_JOB_NODELIST": "here"}
    told |= {"SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"}
    if task is not None:
        told |= {"SLURM_ARRAY_JOB_ID": job, "SLURM_ARRAY_TASK_ID": str(task)}
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.Popen(["bash", script], env=os.environ | told, start_new_session=True, **quiet)
print("Submitted batch job", job)
"""
SRUN = """#!PYTHON
import os, sys
command = sys.argv[1:]
while not command[0].startswith("/"):
    del command[: 2 if command[0] in ("--output", "--error") else 1]
os.execv(command[0], command)
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch) -> Path:
    """SLURM's own commands, as far as they are asked; the scripts that were handed over."""
    arrays, tools = tmp_path / "arrays", tmp_path / "tools"
    tools.mkdir()
    nothing = "#!PYTHON\nprint('JobID|State|NodeList')\n"
    for name, text in (("sbatch", SBATCH), ("srun", SRUN), ("sacct", nothing), ("scancel", nothing)):
        (tools / name).write_text(text.replace("PYTHON", sys.executable).replace("ARRAYS", str(arrays)))
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    return arrays


def test_runs_go_to_slurm_as_one_array(slurm, states, tmp_path, monkeypatch):
    monkeypatch.setattr("natv2.sweep.cluster.Attempt", Scripted)
    scripted(monkeypatch, COUNTS)
    asked = SlurmConfig(partition="gpu", time="2h", cpus=3, gpus=1, more={"nice": 5})
    sweep = SweepConfig(pipelines=("aep",), slurm=asked)
    cluster = Cluster(sweep, 2, states, tmp_path)
    assert [state.state for state in work(cluster, states, run("a"), run("b"))] == ["finished"] * 2
    assert (tmp_path / "ran").read_text() == "once once "
    script = slurm.read_text()
    assert script.count("#SBATCH --array=0-1%2") == 1
    for option in ("partition=gpu", "time=120", "cpus-per-task=3", "gpus-per-node=1", "nice=5"):
        assert f"#SBATCH --{option}" in script


def test_where_there_is_no_slurm_it_is_said(states, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"--slurm: "):
        Cluster(SWEEP, 1, states, Path(tmp_path))
