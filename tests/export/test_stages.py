"""A network that stops early: files a stage and their runner, or source that stops by itself."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from onnx import ModelProto, TensorProto

from natv2.aep.classifier import MultiExitClassifier
from natv2.costs.count import counted_costs
from natv2.export.comparison import synthetic
from natv2.export.deployable import deployable
from natv2.export.exporting import export_network
from natv2.export.formats import FORMATS
from natv2.export.python_file import imported
from natv2.export.timing import Rounds
from natv2.export.writers import writer_of
from tests.export.networks import multi_exit, prepared_as, stopping, subnet, with_thresholds
from tests.telemetry import reported, unstopped

STAGED = {"onnx": "onnx", "onnx_fp16": "fp16.onnx", "onnx_int8": "int8.onnx", "torch_export": "pt2"}
RUN = {
    "onnx": "run_early.py",
    "onnx_fp16": "run_early_fp16.py",
    "onnx_int8": "run_early_int8.py",
    "torch_export": "run_early_pt2.py",
    "python": "early.py",
}
"""What people run of each format."""


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The network in all formats: its folder, and what became of each format."""
    folder, images = tmp_path_factory.mktemp("early"), synthetic(stopping())
    outcomes = export_network(
        "early", stopping(), list(FORMATS), folder, images, images, Rounds(repetitions=2)
    )
    return folder, {outcome.format: outcome for outcome in outcomes}


def files_of(exported, format_: str) -> dict[str, bytes]:
    """What was written, set aside or not: made-up images leave little room for 8 bits."""
    folder, outcomes = exported
    outcome = outcomes[format_]
    place = folder if outcome.holds else folder / "failed"
    return {name: (place / name).read_bytes() for name in outcome.certificate.files}


def decided(classifier: MultiExitClassifier, prepared) -> tuple[np.ndarray, list[int]]:
    """What PyTorch says of the images one by one, and at which exits, from 1, they leave."""
    early = classifier.early_stopping()
    with torch.no_grad():
        answers = [early.decide(image[None]) for image in prepared]
    return np.concatenate([logits.numpy() for logits, _ in answers]), [left + 1 for _, left in answers]


@pytest.mark.parametrize("format_", ["onnx", "torch_export", "python"])
def test_images_leave_where_they_leave_in_pytorch(exported, format_):
    classifier, images = stopping(), synthetic(stopping())
    outcome = exported[1][format_]
    assert outcome.holds and outcome.certificate.file == RUN[format_]
    deployed, files = deployable(classifier), files_of(exported, format_)
    if format_ in STAGED:
        stages = [f"early.stage_{number}.{STAGED[format_]}" for number in (1, 2, 3)]
        assert list(files) == [RUN[format_], *stages]
    opened = writer_of(format_).opened(files, deployed)
    expected, exits = decided(classifier, images.prepared)
    assert set(exits) == {1, 2, 3}  # or nothing would be shown
    found = opened.network(images.prepared.numpy())
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()
    for image in images.whole:  # as people run it, in their own sizes
        with torch.no_grad():
            whole = classifier(image).numpy()
        assert np.abs(opened.whole(image.numpy()) - whole).max() <= 1e-4 * np.abs(whole).max()
    counted = counted_costs(classifier.network, 32)
    assert opened.costs.macs == counted.macs
    assert opened.costs.params + deployed.folded in (counted.params, counted.params - deployed.idle)


def test_source_of_a_classic_network_stops_too():
    classifier = with_thresholds(multi_exit("resnet18", (2, 3, 4)))  # its first stage has no exit
    deployed, prepared = deployable(classifier), synthetic(classifier).prepared
    expected, exits = decided(classifier, prepared)
    assert len(set(exits)) > 1
    files = writer_of("python").write(deployed, "resnet", None)
    found = writer_of("python").opened(files, deployed).network(prepared.numpy())
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("format_", ["onnx", "python"])
def test_a_subnet_of_several_exits_stops_as_a_classic_network_does(format_):
    classifier = with_thresholds(subnet("EE_DP_OFAMobileNetV3", (1, 3, 4)))
    deployed, prepared = deployable(classifier), synthetic(classifier).prepared
    expected, exits = decided(classifier, prepared)
    assert set(exits) == {1, 2, 3}
    files = writer_of(format_).write(deployed, "subnet", None)
    found = writer_of(format_).opened(files, deployed).network(prepared.numpy())
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


def test_what_comes_after_an_exit_is_not_computed_for_images_that_left(exported):
    network = imported(exported[0] / "early.py").load()
    prepared = synthetic(stopping()).prepared
    _, exits = decided(stopping(), prepared)
    taken = []
    for stage in network.stages:
        stage.register_forward_pre_hook(lambda _, inputs: taken.append(len(inputs[0])))
    with torch.no_grad():
        _, left = network(prepared)
    assert left.tolist() == exits
    assert taken == [64, 64 - exits.count(1), exits.count(3)]
    taken.clear()
    with torch.no_grad():
        network(prepared[left == 1])
    assert taken == [exits.count(1)]


def test_in_8_bits_each_stage_is_quantised_and_most_images_stay_what_they_were(exported):
    outcome, files = exported[1]["onnx_int8"], files_of(exported, "onnx_int8")
    assert "calibrated on 64 made-up images" in outcome.certificate.note
    stages = [content for name, content in files.items() if name.endswith(".onnx")]
    assert len(stages) == 3
    for content in stages:
        kinds = {
            len(weight.dims): weight.data_type for weight in ModelProto.FromString(content).graph.initializer
        }
        assert kinds[4] == TensorProto.INT8
    deployed, prepared = deployable(stopping()), synthetic(stopping()).prepared
    opened = writer_of("onnx_int8").opened(files, deployed)
    expected, _ = decided(stopping(), prepared)
    found = opened.network(prepared.numpy())
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.9
    assert np.abs(found - expected).max() > 0
    counted = counted_costs(stopping().network, 32)
    assert opened.costs.macs == counted.macs
    assert opened.costs.params + deployed.folded + deployed.idle == counted.params


def test_halves_hold_and_an_app_of_its_own_is_left_to_people(exported):
    folder, outcomes = exported
    assert outcomes["onnx_fp16"].certificate.file == RUN["onnx_fp16"]
    assert (outcomes["executorch"].left_out, outcomes["executorch"].failed) == (True, False)
    assert "an app would have to decide after each stage" in str(outcomes["executorch"])
    assert "but onnx, onnx_fp16, onnx_int8, torch_export, python have it" in str(outcomes["executorch"])
    assert outcomes["onnx"].certificate.timed == 16
    assert "16 of the images in turns" in (folder / "run_early.py.md").read_text()
    card = (folder / "early.md").read_text()
    assert "from run_early import Network" in card and "from run_early_pt2 import load" in card
    assert "from early import classify, load" in card


ALONE = """
import sys
for name in {absent}:
    sys.modules[name] = None  # it cannot be imported
sys.path.insert(0, {folder!r})
import numpy
images = numpy.load({images!r})
{code}
numpy.save({found!r}, logits)
print(list(map(int, exits)), list(names))
"""

CODE = {
    "onnx": """
from run_early import Network
network = Network(threads=1)
answers = [network(image) for image in images.transpose(0, 2, 3, 1)]
logits, exits = numpy.stack([said for said, _ in answers]), [at for _, at in answers]
names = network.class_names
""",
    "torch_export": """
import torch
from run_early_pt2 import CLASS_NAMES as names, load
logits, exits = load()(torch.from_numpy(images))
""",
    "python": """
import torch
from early import CLASS_NAMES as names, load, prepare
with torch.inference_mode():
    logits, exits = load()(prepare(torch.from_numpy(images)))
""",
}


@pytest.mark.parametrize("format_", CODE)
def test_it_runs_where_natv2_cannot_be_imported(exported, tmp_path, format_):
    folder, _ = exported
    images = torch.randint(0, 256, (12, 3, 41, 37), dtype=torch.uint8)
    images[:6] = images[:6, :, :1, :1]  # of one colour: they leave elsewhere
    places = {"folder": str(folder)} | {name: str(tmp_path / f"{name}.npy") for name in ("images", "found")}
    np.save(places["images"], images.numpy())
    absent = ("natv2", "PIL", "torchvision", *(("torch", "onnx") if format_ == "onnx" else ("onnxruntime",)))
    bare = {name: value for name, value in unstopped(tmp_path).items() if not name.startswith("PYTHON")}
    code = ALONE.format(absent=absent, code=CODE[format_], **places)
    result = subprocess.run(
        [sys.executable, "-B", "-I", "-c", code], env=bare, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert reported(tmp_path) == []
    classifier = stopping()
    with torch.no_grad():
        expected = classifier(images).numpy()
    prepared = prepared_as(classifier, images)
    assert result.stdout == f"{decided(classifier, prepared)[1]} ['a', 'b', 'c', 'd']\n"
    np.testing.assert_allclose(np.load(places["found"]), expected, atol=1e-4 * np.abs(expected).max())


def test_the_runner_is_small(exported):
    source = (exported[0] / "run_early.py").read_text()
    assert len([line for line in source.splitlines() if line.strip()]) <= 36
