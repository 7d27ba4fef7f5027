"""What a sweep's file may say, and one sentence for what it may not."""

from pathlib import Path

import pytest

from natv2.errors import UserError
from natv2.sweep.config import SweepConfig, read_sweep

GRID = "grid: {seed: [0, 1]}\n"


def read(folder: Path, text: str) -> SweepConfig:
    file = folder / "sweep.yml"
    file.write_text(text)
    return read_sweep(file)


def test_a_file_is_read_whole(tmp_path):
    text = """
    pipelines: [ofav2_eps, natv2_search]
    env: demo
    params: {search: {turns: 2}}
    grid: {supernet: [EE_B_OFAMobileNetV3, SE_B_OFAMobileNetV3], seed: [0, 1], search.resolutions: [[48, 56]]}
    runs: [{dataset: cifar10}, {dataset: cifar100, search.top: 5}]
    compare: false
    slurm: {partition: gpu, time: 2h, more: {qos: long}}
    """
    sweep = read(tmp_path, text)
    assert sweep.pipelines == ("ofav2_eps", "natv2_search")
    assert sweep.grid["search.resolutions"] == [[48, 56]]
    assert sweep.runs is not None and len(sweep.runs) == 2
    assert (sweep.slurm.partition, sweep.slurm.time, sweep.slurm.more) == ("gpu", "2h", {"qos": "long"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"pipelines: [aepp]\n{GRID}", "'pipelines.0' cannot be 'aepp': known: images, import_ofa, "),
        (f"pipelines: []\n{GRID}", "'pipelines' cannot be []: at least one is needed"),
        (f"pipelines: [aep, aep]\n{GRID}", "each may stand there once"),
        (f"pipelines: aep\n{GRID}", "'pipelines' cannot be 'aep'"),
        (GRID, "'pipelines' is missing"),
        ("pipelines: [aep]\ngrid: {seed: []}\n", "'grid.seed' cannot be []: at least one is needed"),
        ("pipelines: [aep]\ngrid: {seed: 3}\n", "'grid.seed' cannot be 3: it should be a valid list"),
        ("pipelines: [aep]\ngrid: {seed: [1, 2, 1]}\n", "grid: seed has a value twice in [1, 2, 1]"),
        ("pipelines: [aep]\nruns: []\n", "'runs' cannot be []: at least one is needed"),
        (f"pipelines: [aep]\n{GRID}params: {{seed: 1}}\n", "seed stands in params and in grid"),
        (f"pipelines: [aep]\n{GRID}runs: [{{seed: 1}}]\n", "seed stands in runs and in grid"),
        ("pipelines: [aep]\nparams: {aep.lr: 1}\ngrid: {aep: [{lr: 2}]}\n", "aep.lr stands in params and in"),
        (
            f"pipelines: [aep]\n{GRID}params: {{fresh: true}}\n",
            "to start all anew, delete the sweep's folder",
        ),
        (f"pipelines: [aep]\n{GRID}gird: {{seed: [0]}}\n", "unknown 'gird' (did you mean 'grid'?); known: "),
        (f"pipelines: [aep]\n{GRID}slurm: {{gpu: 1}}\n", "unknown 'gpu' (did you mean 'gpus'?); known: "),
        (
            f"pipelines: [aep]\n{GRID}slurm: {{time: soon}}\n",
            "it should be a time such as 90m, 1.5h or 1h30m",
        ),
        ("pipelines: [aep\n", "is no YAML of plain values"),
        ("- aep\n", "a block with pipelines and grid is needed"),
        ("", "'pipelines' is missing"),
        ("a: &a [1]\nb: *a\n", "aliases (*name) are not read"),
        ("pipelines: !!python/object/apply:os.system [ls]\n", "is no YAML of plain values"),
        ("pipelines: [aep]\ngrid: {x: [0], y: [0]}\n".replace("[0]", str([*range(40)])), "at most 1,000"),
    ],
)
def test_what_it_may_not_say_is_told_in_one_sentence(tmp_path, text, message):
    with pytest.raises(UserError) as error:
        read(tmp_path, text)
    assert message in error.value.message
    assert "\n" not in error.value.message and "sweep.yml" in error.value.message


@pytest.mark.parametrize(
    "text",
    [
        'pipelines: [aep]\nparams: {data_path: "${oc.env:HOME}"}\n',
        'pipelines: [aep]\ngrid: {seed: ["${oc.env:HOME}"]}\n',
        'pipelines: [aep]\nruns: [{seed: 0}, {aep: {"${x}": 1}}]\n',
        'pipelines: ["${oc.env:HOME}"]\n',
    ],
)
def test_nothing_in_it_is_evaluated(tmp_path, text):
    with pytest.raises(UserError, match=r"nothing is evaluated in it, so \$\{\.\.\.\} is not allowed"):
        read(tmp_path, text)


def test_what_is_no_file_is_told(tmp_path):
    with pytest.raises(UserError, match="is no file"):
        read_sweep(tmp_path / "none.yml")
    with pytest.raises(UserError, match="is no file"):
        read_sweep(tmp_path)
