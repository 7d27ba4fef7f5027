"""What docs/sweeps.md shows is what the command takes."""

import re
from pathlib import Path

from natv2.runs.asked import AskedParameters
from natv2.settings import CONFIG_LOADER_ARGS
from natv2.sweep.config import SweepConfig, read_sweep
from natv2.sweep.plan import planned
from tests.conftest import REPOSITORY

TEXT = (REPOSITORY / "docs/sweeps.md").read_text()


def test_its_example_is_a_sweep_of_as_many_runs_as_it_says(tmp_path):
    example, slurm = re.findall(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL)
    (file := tmp_path / "sweep.yml").write_text(example + slurm)
    sweep = read_sweep(file)
    assert sweep.slurm.partition == "gpu"
    asked = AskedParameters(REPOSITORY / "conf", sweep.env, CONFIG_LOADER_ARGS)
    pipelines = [run.pipeline for run in planned(sweep, asked, Path("sweep.yml"))]
    assert {name: pipelines.count(name) for name in sweep.pipelines} == {"ofav2_eps": 12, "natv2_search": 24}
    assert "trained 12 times" in TEXT and "not 24" in TEXT


def test_its_table_has_all_blocks():
    blocks = re.findall(r"^\| `(\w+)` \|", TEXT, flags=re.MULTILINE)
    assert blocks == list(SweepConfig.model_fields)
