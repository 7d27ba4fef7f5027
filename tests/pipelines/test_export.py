"""`export` and `aep_export`, as a person runs them after the journey and after `aep`."""

import json
import shutil
from hashlib import sha256

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from onnx import ModelProto, numpy_helper

import natv2
from natv2.export import onnx_float
from natv2.images.loading import load_images
from tests.explorer.pages import data_in
from tests.pipelines.conftest import Journey, entered
from tests.pipelines.project import Project


@pytest.fixture(scope="module")
def project(journey: Journey, tmp_path_factory) -> Project:
    root = tmp_path_factory.mktemp("export") / "project"
    project = Project(root)
    for name in ("conf", "data"):
        shutil.copytree(journey.project.root / name, root / name, dirs_exist_ok=True)
    shutil.copy(journey.project.root / "mlflow.db", root)
    return project


BROKEN = "network_01"


@pytest.fixture
def broken(monkeypatch) -> None:
    """The logits of one network's file are not those of the network."""
    write = onnx_float.write

    def other_logits(deployed, name, calibration):
        ((file, content),) = write(deployed, name, calibration).items()
        model = ModelProto.FromString(content)
        if name == BROKEN:
            for tensor in model.graph.initializer:
                if tensor.name.endswith("classifier/bias"):
                    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) + 1e4, tensor.name))
        return {file: model.SerializeToString()}

    monkeypatch.setattr(onnx_float, "write", other_logits)


def test_certificates_of_finished_and_plain_networks_hold_and_one_that_fails_ends_the_run(project, broken):
    """One run for all of it, since exporting takes a minute."""
    with entered(project) as run:
        result = run("--pipeline", "export")
    said = result.output
    table = pd.read_csv(project.newest("export_table.csv"))
    folder = project.newest("files")
    networks = {
        path.stem: path
        for entry in ("finished_networks", "plain")
        for path in project.newest(entry).glob("*.safetensors")
    }
    assert set(table["network"]) == set(networks) and len(table) == 2 * len(networks)
    # A run that ends with an error leaves the explorer as it was.
    (page,) = (project.root / "data/08_reporting").rglob("explorer.html/*/explorer.html")
    assert not any(each.finished and each.finished.exported for each in data_in(page).networks)

    exact = table[table["format"] == "onnx"].set_index("network", drop=False)
    assert result.exit_code == 1
    assert f"exports are not their networks ({BROKEN} as onnx: logits differ by" in said
    assert list(exact[exact["failed"]].index) == [BROKEN]
    assert {path.name for path in folder.glob("*.onnx")} >= {f"{name}.onnx" for name in networks} - {
        f"{BROKEN}.onnx"
    }
    assert not (folder / f"{BROKEN}.onnx").exists() and (folder / f"failed/{BROKEN}.onnx").is_file()

    held = exact.drop(BROKEN)
    assert len(held) and held["holds"].all()
    images = load_images(
        "digits", project.root / "data/01_raw", project.root / "data/02_intermediate", per_class=30
    )
    for row in held.itertuples():
        content = (folder / row.file).read_bytes()
        told = json.loads((folder / f"{row.file}.json").read_text())
        assert told["files"] == {row.file: sha256(content).hexdigest()}
        session = onnxruntime.InferenceSession(content)
        pixels = images.valid.images.contiguous().numpy()
        (logits,) = session.run(["logits"], {"images": pixels})
        assert row.top1 == np.mean(logits.argmax(axis=1) == images.valid.labels.numpy())
        with torch.no_grad():
            expected = natv2.load_network(networks[row.network])(images.valid.images)
        assert row.pytorch_top1 == (expected.argmax(dim=1) == images.valid.labels).double().mean().item()
    (tracked, *_) = project.tracked_runs()
    kept = [file.path for file in project.mlflow.list_artifacts(tracked.info.run_id, "exports")]
    assert {path.split("/")[-1] for path in kept} >= set(held["file"])


def test_without_the_extra_nothing_runs(project, monkeypatch):
    monkeypatch.setattr("natv2.export.formats.find_spec", lambda name: None)
    written, attempts = set((project.root / "data").rglob("*")), project.attempts
    with entered(project) as run:
        result = run("--pipeline", "export")
    assert result.exit_code == 1
    assert result.output.endswith(
        "Error: onnx needs onnx, onnxruntime, onnxscript: pip install 'natv2[export]'\n"
    )
    new = {path.name for path in set((project.root / "data").rglob("*")) - written}
    assert not any("export" in name or name == "files" for name in new) and project.attempts == attempts
