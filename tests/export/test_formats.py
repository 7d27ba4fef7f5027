"""Every format, on networks of every kind: what is written says what PyTorch says."""

import os
import subprocess
import sys
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import torch
from onnx import ModelProto, TensorProto

from natv2.costs.count import counted_costs
from natv2.errors import UserError
from natv2.export import onnx_int8
from natv2.export.comparison import synthetic
from natv2.export.deployable import deployable
from natv2.export.formats import FORMATS, check_installed
from natv2.export.python_source import network_source
from natv2.export.simplified import whole_graph
from natv2.export.writers import writer_of
from tests.export.networks import deployed, subnet

SOME = ("EE_DP_OFAMobileNetV3, 2 exits", "plain mobilenet", "one's own of aep")
WRITTEN = [name for name, row in FORMATS.items() if name != "onnx" and "executorch" not in row.needs]
# Of the largest logit, for networks that were never trained.
TOLERANCE = {"float": 1e-4, "fp16": 2e-2, "int8": 0.5}


@pytest.mark.parametrize("name", SOME)
def test_it_says_what_pytorch_says(name):
    exported = deployed(name)
    classifier, images = exported.classifier, synthetic(exported.classifier)
    counted = counted_costs(classifier.network, classifier.resolution)
    for format_ in WRITTEN:
        row = FORMATS[format_]
        files = writer_of(format_).write(exported, "a_network", images)
        opened = writer_of(format_).opened(files, exported)
        for image in images.whole[:4]:
            with torch.no_grad():
                expected = classifier(image).numpy()
            apart = np.abs(opened.whole(image.numpy()) - expected).max()
            assert apart <= TOLERANCE[row.precision] * np.abs(expected).max(), format_
        with torch.no_grad():
            expected = classifier.logits(images.prepared).numpy()
        found = opened.network(images.prepared.numpy())
        assert np.abs(found - expected).max() <= TOLERANCE[row.precision] * np.abs(expected).max(), format_
        assert row.precision == "float" or np.abs(found - expected).max() > 0
        assert opened.costs.macs == counted.macs, format_
        assert opened.costs.params + exported.folded in (counted.params, counted.params - exported.idle)
        assert opened.with_threads(1)(images.whole[0].numpy()).shape == (1, 4)


@pytest.mark.parametrize("name", ["plain shufflenet", "plain resnet20", "resnet18 of aep", "timm's"])
def test_source_of_any_network_computes_what_it_does(name):
    exported = deployed(name)
    classifier, writer = exported.classifier, writer_of("python")
    run = writer.opened(writer.write(exported, name, None), exported).whole
    images = torch.randint(0, 256, (3, 3, 40, 31), dtype=torch.uint8)
    with torch.no_grad():
        expected = classifier(images).numpy()
    assert np.abs(run(images.numpy()) - expected).max() <= 1e-4 * np.abs(expected).max()


def test_source_is_that_of_a_person():
    classes, lines = network_source(
        whole_graph(deployable(subnet("SE_B_OFAMobileNetV3")).network, ("classifier", "classifier.network"))
    )
    names = [text.split("(")[0].removeprefix("class ") for text in classes]
    # A block with a shortcut and one with it and excitation; the fixed first one does not expand.
    assert names == ["InvertedBottleneck", "InvertedBottleneck2", "SqueezeExcite", "InvertedBottleneck3"]
    assert (
        "        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.Hardswish())" in lines
    )
    assert "        return self.project(self.depthwise(self.expand(x))) + x" in "\n".join(classes)
    assert "Identity" not in "\n".join([*classes, *lines]) and "Dropout" not in "\n".join([*classes, *lines])


ALONE = """
import sys
sys.modules["natv2"] = None  # it cannot be imported
sys.modules["torchvision"] = None
sys.path.insert(0, {folder!r})
import numpy, torch
from network_01 import CLASS_NAMES, classify, load

images = torch.from_numpy(numpy.load({images!r}))
numpy.save({found!r}, classify(load(), images).numpy())
print(CLASS_NAMES)
"""


def alone(code: str, folder) -> str:
    """What `code` prints in a fresh interpreter, in which this project cannot be found."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    result = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=folder, env=bare, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_source_runs_where_natv2_cannot_be_imported(tmp_path):
    named = subnet("EE_DP_OFAMobileNetV3", (1, 3))
    names = ('"quoted"', "<network>", "two\nlines", "ñ ')")
    classifier = type(named)(named.network, replace(named.header, class_names=names)).eval()
    deployed = deployable(classifier)
    for name, content in writer_of("python").write(deployed, "network_01", None).items():
        (tmp_path / name).write_bytes(content)
    images = torch.randint(0, 256, (5, 3, 50, 33), dtype=torch.uint8)
    np.save(tmp_path / "images.npy", images.numpy())
    places = {
        "folder": str(tmp_path),
        "images": str(tmp_path / "images.npy"),
        "found": str(tmp_path / "found.npy"),
    }
    assert alone(ALONE.format(**places), tmp_path) == f"{names}\n"
    with torch.no_grad():
        expected = classifier.probabilities(images).numpy()
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), expected, atol=1e-5)
    assert "natv2" not in (tmp_path / "network_01.py").read_text()


PT2 = """
import json, numpy, torch
extra = {{"natv2.json": ""}}
program = torch.export.load({file!r}, extra_files=extra)
found = program.module()(torch.from_numpy(numpy.load({images!r})))
numpy.save({found!r}, found["probabilities"].detach().numpy())
print(json.loads(extra["natv2.json"])["class_names"])
"""


def test_an_exported_program_is_loaded_by_torch_alone(tmp_path):
    exported = deployed("one's own of aep")
    classifier = exported.classifier
    (content,) = writer_of("torch_export").write(exported, "pruned", None).values()
    assert b"/src/natv2" not in content and b"site-packages" not in content
    (tmp_path / "pruned.pt2").write_bytes(content)
    images = torch.randint(0, 256, (5, 3, 50, 33), dtype=torch.uint8)
    np.save(tmp_path / "images.npy", images.numpy())
    places = {name: str(tmp_path / f"{name}.npy") for name in ("images", "found")}
    assert (
        alone(PT2.format(file=str(tmp_path / "pruned.pt2"), **places), tmp_path) == "['a', 'b', 'c', 'd']\n"
    )
    with torch.no_grad():
        expected = classifier.probabilities(images).numpy()
    found = np.load(tmp_path / "found.npy")
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_halves_are_halves_and_bytes_are_bytes():
    exported = deployed("SE_B_OFAMobileNetV3, one exit")
    images = synthetic(exported.classifier)
    sizes = {}
    for format_ in ("onnx", "onnx_fp16", "onnx_int8"):
        (content,) = writer_of(format_).write(exported, "network", images).values()
        graph = ModelProto.FromString(content).graph
        weights = [
            tensor for tensor in graph.initializer if len(tensor.dims) == 4 and "prepare" not in tensor.name
        ]
        sizes[format_] = {tensor.data_type for tensor in weights}
    assert sizes["onnx"] == {TensorProto.FLOAT} and sizes["onnx_fp16"] == {TensorProto.FLOAT16}
    assert TensorProto.INT8 in sizes["onnx_int8"]


def test_where_a_graphs_nodes_are():
    excited = {
        "SE_B_OFAMobileNetV3, one exit": "squeeze_excite",
        "plain mobilenet": "/fc",
    }
    for name, scope in excited.items():
        places = dict(onnx_int8._places(deployed(name).graph))
        convolutions = {node: place for node, place in places.items() if node.endswith(("/Conv", "/Gemm"))}
        for node, place in convolutions.items():
            last = any(word in node for word in ("/last/", "/classifier/")) or node.startswith("classifier/")
            assert (place == "last") == last, node
            assert (place == "excitation") == (scope in node), node
        assert set(convolutions.values()) == {"map", "depthwise", "excitation", "last"}
        if "plain" not in name:
            assert all((p == "depthwise") == ("/depthwise/" in n) for n, p in convolutions.items())


def test_the_first_cure_that_keeps_the_classes_is_taken_else_the_best(monkeypatch):
    exported = deployed("SE_B_OFAMobileNetV3, one exit")
    images = synthetic(exported.classifier)
    with torch.no_grad():
        expected = exported.classifier.logits(images.prepared).numpy()

    def taken() -> tuple[str, float]:
        opened = writer_of("onnx_int8").opened(
            writer_of("onnx_int8").write(exported, "network", images), exported
        )
        same = opened.network(images.prepared.numpy()).argmax(axis=1) == expected.argmax(axis=1)
        return opened.note.split(", calibrated on")[0], 1 - float(same.mean())

    changed = {}
    for cure in onnx_int8._CURES:
        monkeypatch.setattr(onnx_int8, "_CURES", (cure,))
        changed[cure.words] = taken()[1]
    monkeypatch.undo()
    allowed = onnx_int8.RULES["int8"].points / 100
    first = next((words for words, value in changed.items() if value <= allowed), None)
    assert taken()[0] == (first or min(changed, key=changed.get))
    assert len(set(changed.values())) > 1  # they do differ


def test_what_cannot_be_written_as_source_is_said_in_one_line():
    class Odd(torch.nn.Module):
        def forward(self, x):
            return torch.special.expit(x.mean((2, 3)))

    class Deciding(torch.nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(UserError, match=r"^the operation .*expit.* cannot be written as Python source$"):
        network_source(whole_graph(Odd(), ()))
    with pytest.raises(UserError, match=r"^Deciding cannot be written as Python source: .*traced") as raised:
        whole_graph(Deciding(), ())
    assert "\n" not in raised.value.message


def test_executorch_says_what_pytorch_says():
    """Where its extra is installed; it is none of the tests' own, for it is large and ties torch down."""
    pytest.importorskip("executorch")
    exported = deployed("EE_DP_OFAMobileNetV3, 2 exits")
    classifier, images = exported.classifier, synthetic(exported.classifier)
    writer = writer_of("executorch")
    files = writer.write(exported, "network", images)
    opened = writer.opened(files, exported)
    with torch.no_grad():
        expected = classifier.logits(images.prepared).numpy()
        whole = classifier(images.whole[0]).numpy()
    assert np.abs(opened.network(images.prepared.numpy()) - expected).max() <= 1e-4 * np.abs(expected).max()
    assert np.abs(opened.whole(images.whole[0].numpy()) - whole).max() <= 1e-4 * np.abs(whole).max()
    tensor = np.load(BytesIO(files["network.test.npy"]))
    assert np.abs(tensor - images.prepared[:1].numpy()).max() < 1e-4
    assert opened.costs.macs == counted_costs(classifier.network, 24).macs


def test_without_executorch_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("natv2.export.formats.find_spec", lambda name: None if name == "executorch" else name)
    with pytest.raises(UserError, match=r"^executorch needs executorch: pip install 'natv2\[executorch\]'"):
        check_installed(["onnx", "executorch"])
    check_installed(["onnx"])
