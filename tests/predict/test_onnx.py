"""An image of any size and mode gets the same class from a network, from its ONNX file, and in predict."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import natv2
from natv2.baselines.plain import PlainClassifier, PlainHeader
from natv2.export.command import export
from natv2.predict.command import predict

MODES = ("RGB", "L", "RGBA", "P", "CMYK", "1", "LA")
SIZES = ((16, 16), (40, 17), (9, 33), (150, 100), (3, 5))


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("models")
    header = PlainHeader(
        network="resnet20_050",
        resolution=16,
        class_names=("ant", "bee", "cat"),
        mean=(0.5, 0.4, 0.3),
        std=(0.2, 0.3, 0.25),
        temperature=0.02,
    )
    PlainClassifier.new(header, 0).stored().write(folder / "network.safetensors")
    options = [str(folder / "network.safetensors"), "--to", "onnx", "--out", str(folder / "out")]
    result = CliRunner().invoke(export, options)
    assert result.exit_code == 0, result.output
    return folder / "network.safetensors", folder / "out" / "network" / "network.onnx"


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    folder, generator = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for mode in MODES:
        for width, height in SIZES:
            pixels = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
            Image.fromarray(pixels).convert(mode).save(folder / f"{mode}_{width}.tif")
    return folder


def said(model: Path, photos: Path, out: Path) -> list[dict[str, object]]:
    result = CliRunner().invoke(predict, [str(model), str(photos), "--top", "3", "--out", str(out)])
    assert result.exit_code == 0, result.output
    found: list[dict[str, object]] = json.loads(out.read_text())
    return found


def test_all_three_say_the_same(files, photos, tmp_path):
    network, _ = files
    by_torch, by_onnx = (said(model, photos, tmp_path / f"{model.suffix}.json") for model in files)
    assert len(by_torch) == len(by_onnx) == len(MODES) * len(SIZES)
    classifier = natv2.load_network(network)
    for one, other in zip(by_torch, by_onnx, strict=True):
        assert one["path"] == other["path"]
        (picture,) = classifier.predict([Image.open(str(one["path"]))])
        assert one["class"] == other["class"] == picture.label
        assert one["probability"] == pytest.approx(other["probability"], abs=2e-3)
        assert picture.probability == pytest.approx(one["probability"], abs=1e-6)
    assert len({each["class"] for each in by_torch}) > 1


def test_a_stage_is_no_model_and_a_stranger_is_told(files, tmp_path):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(files[1])
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "stranger.onnx")
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    result = CliRunner().invoke(predict, [str(tmp_path / "stranger.onnx"), str(tmp_path / "a.png")])
    assert result.exit_code == 1
    assert (
        "is none of natv2's files: its metadata have no class_names, resolution, levels, temperature, record"
        in result.output
    )
