"""An image of any size and mode gets the same class in PyTorch, in an exported file, by `natv2 predict`."""

import csv

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import natv2
from natv2.export.command import export
from natv2.predict.command import predict
from natv2.predict.model import open_model
from tests.export.networks import network

MODES = ("RGB", "L", "RGBA", "P", "CMYK", "I;16")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A network in its file, and as ONNX."""
    folder = tmp_path_factory.mktemp("exported")
    path = folder / "network_01.safetensors"
    network("EE_DP_OFAMobileNetV3, 2 exits").stored().write(path)
    words = [str(path), "--to", "onnx", "--out", str(folder)]
    assert CliRunner().invoke(export, words).exit_code == 0
    return path, folder / "network_01/network_01.onnx"


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    draws = np.random.default_rng(0)
    for number, mode in enumerate(MODES):
        for size in ((24, 24), (7, 90), (131, 64)):
            pixels = draws.integers(256, size=(size[1], size[0], 3), dtype=np.uint8)
            image = Image.fromarray(pixels)
            if mode == "I;16":  # of 12 bits, as the network's own images were
                image = Image.fromarray(pixels[:, :, 0].astype(np.uint16) * 16)
            elif mode != "RGB":
                image = image.convert(mode)
            kind = "tif" if mode == "CMYK" else "png"
            image.save(folder / f"{number}_{size[0]}.{kind}")
    return sorted(folder.iterdir())


def test_it_gets_the_same_class_everywhere(exported, photos, tmp_path):
    classifier, onnx = natv2.load_network(exported[0]), open_model(exported[1])
    expected = []
    for path in photos:
        with Image.open(path) as image, torch.no_grad():
            expected.append(classifier.class_names[int(classifier(image).argmax())])
    assert len(set(expected)) > 1  # or nothing would be shown
    assert onnx.class_names == classifier.class_names
    for model in exported:
        table = tmp_path / f"{model.suffix}.csv"
        result = CliRunner().invoke(predict, [str(model), *map(str, photos), "--out", str(table)])
        assert result.exit_code == 0, result.output
        rows = list(csv.DictReader(table.read_text().splitlines()))
        said = {row["path"]: row["class"] for row in rows}
        assert [said[str(path)] for path in photos] == expected, model.name
