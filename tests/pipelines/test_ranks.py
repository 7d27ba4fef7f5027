"""`aep` on two ranks, as a person runs it; what cannot be shared out is refused in one sentence."""

import json
import shutil

import pandas as pd
import psutil

from natv2.recorded import RECORD
from tests.pipelines.conftest import entered
from tests.pipelines.project import Project, differences

SHORT = "supernet=OFAMobileNetV3,schedule=random"
SMALL = {
    "images": {"per_class": 20},
    "aep": {"batch_size": 64, "max_epochs": 2},
    "eps": {"resolutions": [16]},
}


def test_a_run_of_two_ranks_says_so_and_leaves_none(tmp_path, database):
    project = Project(tmp_path, SMALL)
    shutil.copy(database, project.root)
    with entered(project) as run:
        result = run("--pipeline", "aep", "--params", "workers=2")
    assert result.exit_code == 0, result.output
    results = project.newest("aep_results.csv")
    assert list(pd.read_csv(results)["variant"]) == ["single", "ensemble", "pruned", "early"]
    assert json.loads((results.parent / RECORD).read_text())["ranks"] == 2
    (tracked,) = project.tracked_runs()
    assert tracked.data.tags["ranks"] == "2"
    assert "train_ensemble/train_top1" in tracked.data.metrics
    assert not [each for each in psutil.Process().children() if "natv2.ranks.worker" in each.cmdline()]


def test_widths_on_a_rank_each_end_as_on_one(tmp_path, database):
    """The same bits: a rank trains a width by itself, and nothing of a step is shared."""
    made = []
    for workers in (1, 2):
        root = tmp_path / str(workers)
        root.mkdir()
        project = Project(root, SMALL)
        shutil.copy(database, project.root)
        with entered(project) as run:
            result = run("--pipeline", "ofav2_eps", "--params", f"workers={workers},{SHORT}")
        assert result.exit_code == 0, result.output
        made.append(project)
    assert not differences(*(each.outputs() for each in made))
    curves = [project.tracked_runs()[0].data.metrics for project in made]
    assert curves[0] == curves[1]
    assert "wide.single_stage at the same time, one a rank" in result.output
    assert "wide.single_stage evaluation: " in result.output  # what the other rank did is told too


def test_ranks_that_cannot_be_are_refused(empty, run_in):
    for wrong, said in (
        ("workers=0", "parameter 'workers' cannot be 0"),
        ("workers=200", "parameter 'workers' cannot be 200 on 1 hosts: the largest batch has "),
        ("hosts=2", "hosts=2 need rendezvous=HOST:PORT"),
        ("hosts=2,rendezvous=here", "parameter 'rendezvous': 'here' is not HOST:PORT"),
        ("hosts=2,rendezvous=127.0.0.1:0", "several hosts need NATV2_GROUP_KEY in their environment"),
    ):
        result = run_in(empty)("--pipeline", "aep", "--params", wrong)
        assert result.exit_code == 1
        assert said in result.output, (wrong, result.output)
        assert "Traceback" not in result.output and len(result.output.splitlines()) <= 4
    assert not empty.tracked_runs()
