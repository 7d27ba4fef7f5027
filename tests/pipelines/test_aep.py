"""`aep` on the digits, as a person runs it: tables, networks, a kill, the comparison of runs."""

import shutil
from functools import partial
from importlib import import_module

import pandas as pd
import pytest
import torch

import natv2
from natv2.aep.pruning import accuracies, exit_logits
from natv2.costs.count import counted_costs
from natv2.images.batches import evaluation_batches
from natv2.images.loading import load_images
from natv2.training.confidence import fit_temperature
from tests.pipelines.conftest import entered
from tests.pipelines.project import Project, differences

RUN = ("--pipeline", "aep")
SMALL = {"images": {"per_class": 20}, "aep": {"batch_size": 64, "max_epochs": 2}}


@pytest.fixture(scope="module")
def ended(tmp_path_factory, database) -> tuple[Project, str]:
    """A project in which `aep` has ended well, and what that said."""
    project = Project(tmp_path_factory.mktemp("aep"), SMALL)
    shutil.copy(database, project.root)
    with entered(project) as run:
        result = run(*RUN)
    assert result.exit_code == 0, result.output
    return project, result.output


@pytest.fixture
def project(ended) -> Project:
    return ended[0]


def test_it_ends_with_the_table_of_its_networks(project, ended):
    _, table = ended
    for text in ("Exits kept", "Top-1", "change (%)", "baseline", "ensemble", "pruned", "early_stopping"):
        assert text in table
    results = pd.read_csv(project.newest("aep_results.csv"))
    assert list(results["variant"]) == ["single", "ensemble", "pruned", "early"]
    assert list(results["run"]) == [
        project.newest(entry).parent.name for entry in ("baseline", "ensemble", "pruned", "early_stopping")
    ]
    single, whole, pruned, early = results.to_dict("records")
    assert single["top1_change"] == 0
    assert whole["params"] > single["params"]
    assert pruned["macs"] <= whole["macs"]
    assert early["macs"] <= whole["macs"]
    assert 100 * (pruned["params"] - single["params"]) / single["params"] == pytest.approx(
        pruned["params_change"]
    )
    assert results["latency"].notna().all()
    assert results["epoch_seconds"].notna().sum() == 2


def test_finished_networks_say_what_was_found_of_them(project):
    results = pd.read_csv(project.newest("aep_results.csv")).set_index("name")
    files = {path.stem: path for path in project.newest("finished").iterdir()}
    assert set(files) == set(results.index)
    for name, file in files.items():
        classifier, row = natv2.load_network(file), results.loc[name]
        record = classifier.header.record
        assert record["test_accuracy"] == pytest.approx(row["test_top1"])
        assert record["params"] == row["params"] and record["resolution"] == classifier.resolution
        assert record["macs"] == counted_costs(classifier.network, classifier.resolution).macs
        assert record.get("mean_macs") == (row["macs"] if name == "early_stopping" else None)
        assert record["dataset"] == "digits" and record["run"] == file.parent.parent.name
        untested = natv2.load_network(project.newest(name) / f"{name}.safetensors").state_dict()
        assert all(torch.equal(tensor, untested[key]) for key, tensor in classifier.state_dict().items())


def test_saved_networks_load_and_answer_as_the_table_says(project):
    results = pd.read_csv(project.newest("aep_results.csv")).set_index("name")
    places = {"raw": project.root / "none", "store": project.root / "store"}
    images = load_images("digits", **places, resolution=16, per_class=20)
    for folder in ("baseline", "ensemble", "pruned"):
        (file,) = project.newest(folder).iterdir()
        classifier = natv2.load_network(file)
        assert sum(p.numel() for p in classifier.network.parameters()) == results["params"][folder]
        found = exit_logits(classifier.network, evaluation_batches(images, images.test, 100), 16)
        weights = torch.tensor([classifier.header.weights])
        top1, _ = accuracies(found.logits_ENC, found.labels, weights)
        assert top1[0] == pytest.approx(results["test_top1"][folder])
        valid = exit_logits(classifier.network, evaluation_batches(images, images.valid, 100), 16)
        (logits,) = torch.einsum("ke,enc->knc", weights, valid.logits_ENC)
        temperature = fit_temperature(logits, valid.labels)
        assert classifier.header.temperature == pytest.approx(temperature, rel=1e-3)
        # From the pixels of images as a person has them.
        with torch.inference_mode():
            right = (classifier(images.test.images).argmax(dim=1) == images.test.labels).double().mean()
        assert right == pytest.approx(results["test_top1"][folder], abs=1 / 360)


def test_killed_and_given_again_it_ends_as_undisturbed(project, tmp_path, run_in, database, caplog):
    killed = Project(tmp_path, SMALL)
    shutil.copy(database, tmp_path)
    begun = partial(killed.has_progress, "train_ensemble/loop.safetensors")
    killed.kill_when(begun, "--env", "test", *RUN)
    result = run_in(killed)(*RUN)
    assert result.exit_code == 0, result.output
    assert "resumed from" in caplog.text
    assert differences(project.outputs(), killed.outputs()) == []


MINE = """
from torch import nn

def build(classes):
    def block(inputs, outputs):
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, 2, 1), nn.BatchNorm2d(outputs), nn.ReLU())

    parts = {"a": block(3, 8), "b": block(8, 12), "c": block(12, 16)}
    end = {"pool": nn.AdaptiveAvgPool2d(1), "flat": nn.Flatten(), "top": nn.Linear(16, classes)}
    network = nn.Sequential()
    for name, part in {**parts, **end}.items():
        network.add_module(name, part)
    return network
"""

CONFIG = """
run:
  pipeline: aep
  params:
    network: "mine:build"
    images: {per_class: null}
    aep: {exits: [a, b, c], pruning: front, outputs: search, losses: learned, diversity: 0.1}
"""


def test_an_own_network_with_all_that_lies_beyond_the_thesis(project, run_in, monkeypatch):
    """Named in a file for --config, whose parameters --params adds to: Kedro would drop them."""
    (project.root / "mine.py").write_text(MINE)
    (project.root / "mine.yml").write_text(CONFIG)
    monkeypatch.syspath_prepend(project.root)
    result = run_in(project)("--config", "mine.yml", "--params", "seed=3,aep.max_epochs=2")
    assert result.exit_code == 0, result.output
    results = pd.read_csv(project.newest("aep_results.csv"), dtype={"kept": str}).set_index("name")
    assert (results["network"] == "mine:build").all() and (results["seed"] == 3).all()
    assert (results["extras"] == "losses=learned outputs=search diversity=0.1").all()
    subsets = pd.read_csv(project.newest("subsets.csv"), dtype={"kept": str})
    assert results["kept"]["pruned"] == subsets["kept"][0]  # the best one, whatever else is kept
    front = subsets["kept"][subsets["non_dominated"] & (subsets.index > 0)].tolist()
    assert results["kept"][results["variant"] == "front"].tolist() == front
    for exit in (1, 2, 3):  # alone it is worth what it is worth in the ensemble
        (file,) = project.newest("ensemble").iterdir()
        assert natv2.load_network(file, import_module("mine").build).header.weights[exit - 1] > 0
    assert results["test_top1"]["early_stopping"] > 0.1


def test_runs_are_compared(project, run_in):
    baseline, run = project.newest("baseline"), run_in(project)
    # Another weighting is compared with the same single-exit network.
    result = run(*RUN, "--params", "weights=DESC,aep.outputs=search", "--from-nodes", "train_ensemble")
    assert result.exit_code == 0, result.output
    assert project.newest("baseline") == baseline
    result = run("--pipeline", "aep_compare")
    assert result.exit_code == 0, result.output
    assert "Change of test top-1 against the single-exit network" in result.output
    table = pd.read_csv(project.newest("accuracy.csv"))
    assert {"EEmix", "EEmix*", "EEdesc outputs=search"} <= set(table.columns)


def test_its_networks_are_exported_and_those_that_stop_early_as_stages(project):
    with entered(project) as run:
        result = run("--pipeline", "aep_export", "--params", "export.formats=onnx+python")
    assert result.exit_code == 0, result.output
    assert "Exported networks on validation images" in result.output
    table = pd.read_csv(project.newest("export_table.csv")).set_index(["network", "format"])
    assert table.loc[("pruned", "onnx"), "holds"] and table.loc[("pruned", "python"), "holds"]
    assert table.loc[("early_stopping", "onnx"), "file"] == "run_early_stopping.py"
    assert table.loc[("early_stopping", "onnx"), "holds"] and not table["failed"].any()
    assert table.loc[("early_stopping", "python"), "file"] == "early_stopping.py"
    folder = project.newest("files")
    tested = pd.read_csv(project.newest("aep_results.csv")).set_index("name")["test_top1"]
    assert f"Top-1 {tested['pruned']:.2%} on test images" in (folder / "pruned.md").read_text()
    stages = natv2.load_network(project.newest("early_stopping")).network.exits
    assert len(list(folder.glob("early_stopping.stage_*.onnx"))) == len(stages)
