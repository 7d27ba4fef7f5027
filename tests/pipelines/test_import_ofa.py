"""OFA's published supernets, random ones, imported and searched through the command line."""

import logging
import shutil

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

import natv2
from natv2.finished_network import StoredNetwork
from natv2.supernets.checkpoint import read_checkpoint
from tests.pipelines.project import SMALLER, Project
from tests.supernets.ofa_layout import published_state, write_published

DESIGN = "EE_B_OFAMobileNetV3"
PARAMS = f"source=ofa_imagenet,supernet={DESIGN}"
W10, W12 = "ofa_mbv3_d234_e346_k357_w1.0", "ofa_mbv3_d234_e346_k357_w1.2"

# Real widths are large: few and small images.
TINY = {
    "images": {"per_class": 3},
    "search": {
        "resolutions": [16],
        "kd_ratio": 0.0,
        "batch_size": 16,
        "turns": 1,
        "archive_size": 6,
        "pre_processing": 1,
        "candidates": 2,
        "top": 3,
        "calibration": {"images": 16, "batch_size": 16},
        "warm_up": {"heads_epochs": 1, "largest_epochs": 0, "supernet_epochs": 0, "subnets": 1},
    },
    "postprocess": {"full": {"epochs": 1, "batch_size": 16}},
}


def one_line(result) -> str:
    assert result.exit_code == 1, result.output
    last = result.output.splitlines()[-1]
    assert last.startswith("Error: ")
    return last


@pytest.fixture
def command(run_in):
    """`natv2` with any of its commands, in this process."""

    def enter(project: Project):
        run_in(project)
        from natv2.cli import cli

        return lambda *words: CliRunner().invoke(cli, [*words])

    return enter


def test_without_the_files_it_says_which_and_where_and_what_to_type(empty, command):
    said = one_line(command(empty)("import-ofa", "--env", "test", "--params", f"supernet={DESIGN}"))
    raw = empty.root / "data/01_raw/ofa_imagenet"
    assert said.startswith(f"Error: there is no {raw / W10} and no {raw / W12}; ")
    for told in (
        f"{W10} and {W12} at https://github.com/han-cai/files/tree/master/ofa/ofa_nets",
        "whose licence is not stated there",
        "nothing is fetched for you",
        f"natv2 import-ofa FILE FILE --env test --params supernet={DESIGN}",
    ):
        assert told in said
    assert not (empty.root / "mlflow.db").exists()


def test_one_file_is_not_enough(empty, command, tmp_path):
    assert "a search needs both widths" in one_line(command(empty)("import-ofa", "one", "--env", "test"))


def test_the_source_is_refused_where_images_are_needed(empty, run_in):
    for pipeline in ("ofav2_eps", "__default__"):
        said = one_line(run_in(empty)("--pipeline", pipeline, "--params", "source=ofa_imagenet"))
        assert "stands for OFA's MobileNetV3 supernets, trained on ImageNet, not for images" in said
    said = one_line(run_in(empty)("--pipeline", "import_ofa"))
    assert "import_ofa makes the supernets of source=ofa_imagenet, not of source=digits" in said
    said = one_line(run_in(empty)("--params", "dataset=ofa_imagenet"))
    assert "parameter 'dataset' cannot be 'ofa_imagenet': known: digits" in said


def test_a_search_without_an_import_says_how_to_import(empty, run_in):
    said = one_line(run_in(empty)("--pipeline", "natv2_search", "--params", PARAMS))
    assert f"no supernet of {DESIGN} to start from (no narrow.supernet at " in said
    assert said.endswith(f"natv2 import-ofa FILE FILE --env test --params supernet={DESIGN}")
    assert "ofav2_eps" not in said


def test_elastic_values_that_the_weights_have_not(empty, command, tmp_path):
    files = [str(write_published(tmp_path / name, {})) for name in ("a", "b")]
    (empty.root / "conf/local/parameters.yml").write_text(yaml.safe_dump({"elastic": {"kernels": [3, 5]}}))
    try:
        said = one_line(command(empty)("import-ofa", *files))
    finally:
        (empty.root / "conf/local/parameters.yml").unlink()
    assert "elastic.kernels cannot be [3, 5] for OFA's weights: allowed are [3, 5, 7]" in said


def test_imported_searched_and_finished(journey, command, run_in, tmp_path, caplog):
    project = Project(tmp_path / "project", SMALLER)
    shutil.copy(journey.project.root / "mlflow.db", project.root)  # MLflow takes seconds to make an empty one
    files = [
        str(write_published(tmp_path / name, published_state(width, seed=1)))
        for name, width in (("wide", 1.2), ("narrow", 1.0))
    ]
    caplog.set_level(logging.INFO)
    result = command(project)("import-ofa", *files, "--env", "test", "--params", f"supernet={DESIGN}")
    assert result.exit_code == 0, result.output
    assert "the heads of exits 1, 2, 3, 4 are new" in caplog.text
    narrow = read_checkpoint(project.newest("supernet.safetensors"))
    assert "ofa_imagenet" in str(narrow.path) and narrow.new_exits == (1, 2, 3, 4)

    config = tmp_path / "values.yml"
    pipelines = "natv2_search,postprocess"
    params = {"source": "ofa_imagenet", "supernet": DESIGN, **TINY}
    config.write_text(yaml.safe_dump({"run": {"params": params}}))
    result = run_in(project)("--pipelines", pipelines, "--config", str(config))
    assert result.exit_code == 0, result.output
    front = pd.read_parquet(project.newest("front.parquet"))
    assert set(front["width"]) <= {1.0, 1.2} and set(front["resolution"]) == {16}
    adapted = read_checkpoint(project.newest("adapted_supernet.safetensors"))
    assert adapted.normalisation == narrow.normalisation and adapted.new_exits == ()
    assert adapted.origin["source"] == "ofa_imagenet"
    (network, *_) = sorted(project.newest("finished_networks").glob("*.safetensors"))
    header = StoredNetwork.read(network).header
    assert (header["mean"], header["std"]) == ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    assert natv2.load_network(network).class_names == tuple("0123456789")
