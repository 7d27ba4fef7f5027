"""`natv2 export`, as a person gives it: what is written, set aside, and said."""

import json
import logging
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256

import numpy as np
import onnxruntime
import pytest
import torch
from click.testing import CliRunner
from onnx import ModelProto, numpy_helper
from PIL import Image

import natv2
from natv2.export import formats, onnx_float
from natv2.export.command import export
from tests.conftest import REPOSITORY
from tests.export.networks import multi_exit, own, subnet


@pytest.fixture(autouse=True)
def logged(caplog):
    caplog.set_level(logging.INFO, logger="natv2")


def command(*words) -> tuple[int, str]:
    result = CliRunner().invoke(export, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "network_01.safetensors"
    subnet("EE_B_OFAMobileNetV3", (1, 3)).stored().write(path)
    return path


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Images of several sizes and modes, in a folder for each of three of the four classes."""
    folder = tmp_path_factory.mktemp("photos")
    draws = np.random.default_rng(0)
    for number in range(12):
        (folder / "abd"[number % 3]).mkdir(exist_ok=True)
        pixels = draws.integers(256, size=(20 + 7 * number, 64 - 3 * number, 3), dtype=np.uint8)
        image = Image.fromarray(pixels).convert(("RGB", "L", "RGBA", "P")[number % 4])
        image.save(folder / "abd"[number % 3] / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory, saved):
    """The folder of what was written of it without images."""
    folder = tmp_path_factory.mktemp("exported")
    assert command(saved, "--to", "onnx", "--out", folder)[0] == 0
    return folder / "network_01"


def certificate_of(folder, name="network_01.onnx") -> dict:
    return json.loads((folder / f"{name}.json").read_text())


def test_a_file_is_written_with_a_certificate_that_tells_the_truth(tmp_path, saved, photos):
    code, _ = command(saved, "--to", "onnx", "--out", tmp_path, "--images", photos)
    assert code == 0
    folder = tmp_path / "network_01"
    told = certificate_of(folder)
    content = (folder / "network_01.onnx").read_bytes()
    assert told["files"] == {"network_01.onnx": sha256(content).hexdigest()}
    assert told["bytes"] == len(content)
    assert told["holds"] is True and told["objections"] == []
    assert {path.name for path in folder.iterdir()} == {
        "network_01.onnx",
        "network_01.onnx.json",
        "network_01.onnx.md",
        "network_01.md",
    }
    # Its top-1, by hand: each image through the written file, its class the folder it is in.
    session, classifier = onnxruntime.InferenceSession(content), natv2.load_network(saved)
    right = []
    for path in sorted(photos.rglob("*.png")):
        with Image.open(path) as image, torch.no_grad():
            expected = classifier(image).numpy()
            ground = Image.new("RGBA", image.size, "white")
            whole = Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")
        pixels = np.asarray(whole).transpose(2, 0, 1)[None]
        (logits,) = session.run(["logits"], {"images": np.ascontiguousarray(pixels)})
        np.testing.assert_allclose(logits, expected, atol=1e-4 * np.abs(expected).max())
        right.append("abcd"[logits.argmax()] == path.parent.name)
    assert told["agreement"]["images"] == 12
    assert told["agreement"]["top1"] == told["agreement"]["pytorch_top1"] == np.mean(right)
    assert told["agreement"]["predictions"] == 1 and told["agreement"]["logit_difference"] > 0
    assert [row["threads"] for row in told["latency"]] == [1, None]
    assert all(row["file"] > 0 and row["pytorch"] > 0 for row in told["latency"])
    page = (folder / "network_01.onnx.md").read_text()
    assert f"{told['macs']:,}" in page and sha256(content).hexdigest() in page and "holds" not in page


def test_without_images_it_is_compared_on_made_up_ones_and_says_so(exported):
    told = certificate_of(exported)
    assert told["images"] == "64 made-up images (seed 0)"
    assert told["agreement"]["images"] == 64 and told["agreement"]["top1"] is None
    assert "64 made-up images" in (exported / "network_01.onnx.md").read_text()


def spoiled(content, change=lambda graph: None):
    """A writer of `onnx` that gives what another wrote, which `change` then makes another network's."""

    def write(deployed, name, calibration):
        model = ModelProto.FromString(content)
        change(model.graph)
        return {f"{name}.onnx": model.SerializeToString()}

    return write


def another_weight(graph):
    tensor = next(tensor for tensor in graph.initializer if tensor.name == "exit_3/classifier/weight")
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * 1.01, tensor.name))


def another_resizing(graph):
    half = next(tensor for tensor in graph.initializer if tensor.name == "prepare/shift")
    half.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(half) + 3, half.name))


def no_number(graph):
    tensor = next(tensor for tensor in graph.initializer if tensor.name == "exit_3/classifier/weight")
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32("nan"), tensor.name))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (no_number, "logits differ by inf"),
        (another_weight, "logits differ by"),
        (another_resizing, "whole images: "),
    ],
)
def test_a_file_that_is_not_the_network_is_set_aside_by_name(
    tmp_path, saved, exported, monkeypatch, caplog, change, why
):
    folder = shutil.copytree(exported, tmp_path / "network_01")
    content = (folder / "network_01.onnx").read_bytes()
    monkeypatch.setattr(onnx_float, "write", spoiled(content, change))
    code, output = command(saved, "--to", "onnx", "--out", tmp_path)
    assert code == 1 and "1 of 1 exports are not their networks" in output
    assert f"network_01.onnx was set aside: {why}" in caplog.text
    assert not (folder / "network_01.onnx").exists() and not list(folder.glob("*.json"))
    assert (folder / "failed/network_01.onnx").exists()
    told = certificate_of(folder / "failed")
    assert told["holds"] is False and told["objections"][0].startswith(why)
    assert "not the network" in (folder / "failed/network_01.onnx.md").read_text()
    # The next one that holds takes its place.
    monkeypatch.setattr(onnx_float, "write", spoiled(content))
    assert command(saved, "--to", "onnx", "--out", tmp_path)[0] == 0
    assert (folder / "network_01.onnx").exists() and not list((folder / "failed").iterdir())


def test_ones_own_network_is_built_by_the_function_that_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    path = tmp_path / "pruned.safetensors"
    multi_exit("tests.export.networks:own", (1, 4), build=own).stored().write(path)
    named = ("--build", "tests.export.networks:own")
    assert command(path, "--to", "onnx", "--out", tmp_path, *named)[0] == 0
    assert certificate_of(tmp_path / "pruned", "pruned.onnx")["holds"]
    code, output = command(path, "--to", "onnx", "--out", tmp_path)
    assert code == 1 and "for a network of your own give the function that builds it" in output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--to", "tflite"), "unknown format 'tflite'; known: onnx"),
        (("--to", ","), "unknown format ''; known: onnx"),
        (("--images", "{empty}"), "holds no images"),
        (("--images", "{absent}"), "there is no folder"),
        (("--images", "{others}"), "is of no class of the network, whose 4 are: 'a', 'b', 'c', 'd'"),
        (("--images", "{damaged}"), "cannot be read: "),
        (("--calibrate", "{empty}"), "holds no images"),
    ],
    ids=str,
)
def test_what_is_wrong_is_one_sentence(tmp_path, saved, words, told):
    places = {name: tmp_path / name for name in ("empty", "absent", "others", "damaged")}
    for name in ("empty", "others/zebra", "damaged/a"):
        (tmp_path / name).mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "others/zebra/1.png")
    (tmp_path / "damaged/a/1.png").write_bytes(b"\x89PNG no")
    words = [word.format(**places) for word in words]
    code, output = command(saved, "--to", "onnx", "--out", tmp_path / "out", *words)
    assert code == 1 and told in output
    assert output.startswith("Error: ") and output.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_damaged_file_is_one_sentence(tmp_path, saved):
    path = tmp_path / "network.safetensors"
    path.write_bytes(saved.read_bytes()[:-9])
    code, output = command(path, "--to", "onnx", "--out", tmp_path)
    assert code == 1 and "network.safetensors is" in output and output.count("\n") == 1
    code, output = command(saved, "--to", "onnx", "--out", saved)
    assert code == 2 and "network_01.safetensors' is a file." in output
    code, output = command(saved, saved, "--to", "onnx", "--out", tmp_path)
    assert code == 1 and "2 files are called network_01" in output


def test_without_the_extra_it_says_what_to_install(tmp_path, saved, monkeypatch):
    row = replace(formats.FORMATS["onnx"], needs=("onnx", "a_library_that_is_not_there"))
    monkeypatch.setattr(formats, "FORMATS", {"onnx": row})
    code, output = command(saved, "--to", "onnx", "--out", tmp_path)
    assert code == 1
    assert output == "Error: onnx needs a_library_that_is_not_there: pip install 'natv2[export]'\n"


def test_an_exporter_that_fails_leaves_the_others_their_turn(tmp_path, saved, monkeypatch, caplog):
    def fails(deployed, name, calibration):
        raise RuntimeError("the exporter\ncannot")

    monkeypatch.setattr(onnx_float, "write", fails)
    code, output = command(saved, "--to", "onnx,python", "--out", tmp_path)
    assert code == 1 and "1 of 2 exports" in output
    assert "network_01 as onnx: RuntimeError: the exporter cannot" in caplog.text
    assert certificate_of(tmp_path / "network_01", "network_01.py")["holds"]


REFUSED = """
import sys
from natv2.__main__ import main

sys.argv = ["natv2", "export", "network.safetensors", "--to", "nope", "--out", "out"]
try:
    main()
except SystemExit as stop:
    print(stop.code, sorted({"torch", "onnx", "onnxruntime", "mlflow", "pandas"} & set(sys.modules)))
"""


def test_it_needs_no_project_and_refuses_before_anything_large_is_loaded(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    result = subprocess.run(
        [sys.executable, "-c", REFUSED], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert result.stdout == "1 []\n", result.stderr
    assert result.stderr == f"Error: unknown format 'nope'; known: {', '.join(formats.FORMATS)}\n"
