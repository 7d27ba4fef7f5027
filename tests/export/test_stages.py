"""A network that stops early is a file a stage, and a runner that needs numpy and onnxruntime alone."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from natv2.aep.classifier import MultiExitClassifier
from natv2.costs.count import counted_costs
from natv2.exits.leaving import confidence, running_ensembles
from natv2.export.comparison import synthetic
from natv2.export.deployable import deployable
from natv2.export.exporting import export_network
from natv2.export.timing import Rounds
from natv2.export.writers import writer_of
from natv2.images.transforms import prepare
from tests.export.networks import multi_exit, own


def stopping(name: str, kept: tuple[int, ...], build=None) -> MultiExitClassifier:
    """A network that a third of made-up images leaves at each of its exits."""
    whole = multi_exit(name, kept, build=build)
    with torch.no_grad():
        logits = torch.stack(whole.network(synthetic(whole).prepared))
    surest = confidence(running_ensembles(logits, whole.header.weights))
    # Between two images, as calibrated ones are.
    middle = []
    staying = torch.ones(surest.shape[1], dtype=torch.bool)
    for row in surest[:-1]:
        middle.append(float(row[staying].sort().values[-22:-20].mean()))
        staying &= row < middle[-1]
    header = replace(whole.header, thresholds=(*middle, 0.0))
    return MultiExitClassifier(whole.network, header).eval()


NETWORKS = {
    "one's own": ("tests.export.networks:own", (1, 2, 4), own),
    "resnet18": ("resnet18", (2, 3, 4)),  # its first stage has no exit
}


@pytest.mark.parametrize("name", NETWORKS)
def test_images_leave_where_they_leave_in_pytorch(name):
    classifier = stopping(*NETWORKS[name])
    deployed, images = deployable(classifier), synthetic(classifier)
    files = writer_of("onnx").write(deployed, "early", images)
    assert list(files) == ["run_early.py", *(f"early.stage_{number}.onnx" for number in (1, 2, 3))]
    opened = writer_of("onnx").opened(files, deployed)
    early, exits, expected = classifier.early_stopping(), [], []
    with torch.no_grad():
        for image in images.prepared:
            logits, left = early.decide(image[None])
            expected.append(logits.numpy()[0])
            exits.append(left)
        found = opened.network(images.prepared.numpy())
        assert np.abs(found - np.stack(expected)).max() <= 1e-4 * np.abs(expected).max()
        for image in images.whole:  # through the runner, in their own sizes
            whole = classifier(image).numpy()
            assert np.abs(opened.whole(image.numpy()) - whole).max() <= 1e-4 * np.abs(whole).max()
    assert len(set(exits)) == 3  # or nothing would be shown
    counted = counted_costs(classifier.network, 32)
    assert opened.costs.macs == counted.macs
    assert opened.costs.params + deployed.folded + deployed.idle == counted.params


ALONE = """
import sys
for name in ("natv2", "torch", "onnx", "PIL"):
    sys.modules[name] = None  # it cannot be imported
sys.path.insert(0, {folder!r})
import numpy
from run_early import Network

network = Network(threads=1)
images = numpy.load({images!r})
answers = [network(image) for image in images]
numpy.save({found!r}, numpy.stack([logits for logits, _ in answers]))
print([number for _, number in answers], network.class_names)
"""


def test_the_runner_is_small_and_runs_alone(tmp_path):
    classifier = stopping(*NETWORKS["one's own"])
    (outcome,) = export_network(
        "early",
        classifier,
        ["onnx"],
        tmp_path,
        synthetic(classifier),
        synthetic(classifier),
        Rounds(repetitions=3),
    )
    assert outcome.holds and outcome.certificate.file == "run_early.py"
    source = (tmp_path / "run_early.py").read_text()
    assert len([line for line in source.splitlines() if line.strip()]) <= 35
    images = torch.randint(0, 256, (12, 3, 41, 37), dtype=torch.uint8)
    images[:6] = images[:6, :, :1, :1]  # of one colour: they leave elsewhere
    places = {"folder": str(tmp_path)} | {name: str(tmp_path / f"{name}.npy") for name in ("images", "found")}
    np.save(places["images"], images.permute(0, 2, 3, 1).numpy())
    bare = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    result = subprocess.run(
        [sys.executable, "-I", "-c", ALONE.format(**places)], env=bare, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    header, early = classifier.header, classifier.early_stopping()
    prepared = prepare(images, 32, header.mean, header.std)
    with torch.no_grad():
        answers = [early.decide(image[None]) for image in prepared]
    assert result.stdout == f"{[left + 1 for _, left in answers]} ['a', 'b', 'c', 'd']\n"
    expected = np.concatenate([logits.numpy() for logits, _ in answers])
    np.testing.assert_allclose(np.load(places["found"]), expected, atol=1e-4 * np.abs(expected).max())


def test_other_formats_leave_it_out_and_halves_hold(tmp_path):
    classifier = stopping(*NETWORKS["one's own"])
    images = synthetic(classifier)
    outcomes = export_network(
        "early",
        classifier,
        ["onnx_fp16", "python", "torch_export", "onnx"],
        tmp_path,
        images,
        images,
        Rounds(repetitions=2),
    )
    assert [outcome.failed for outcome in outcomes] == [False] * 4
    assert [outcome.left_out for outcome in outcomes] == [False, True, True, False]
    assert "those of onnx and onnx_fp16" in str(outcomes[1])
    assert [outcomes[place].certificate.file for place in (0, 3)] == ["run_early_fp16.py", "run_early.py"]
    assert (tmp_path / "run_early_fp16.py").exists() and (tmp_path / "run_early.py").exists()
    assert (tmp_path / "early.stage_3.fp16.onnx").exists() and not list(tmp_path.glob("*.pt2"))
