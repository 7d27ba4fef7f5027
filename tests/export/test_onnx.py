"""Networks of every kind say in onnxruntime what they say in PyTorch."""

import json
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import ModelProto

from natv2.costs.count import counted_costs
from natv2.export import onnx_float
from natv2.export.deployable import deployable
from natv2.export.opened import open_onnx
from natv2.export.preparation import IMAGES
from natv2.images.transforms import prepare
from tests.export.networks import NETWORKS, deployed, multi_exit, network, own

SIZES = ((24, 24), (32, 32), (20, 29), (77, 50), (1, 3))


def onnx_of(deployed) -> bytes:
    (content,) = onnx_float.write(deployed, "network", None).values()
    return content


@pytest.mark.parametrize("name", NETWORKS)
def test_it_says_what_pytorch_says(name):
    exported = deployed(name)
    classifier = exported.classifier
    before = {key: value.clone() for key, value in classifier.state_dict().items()}
    content = onnx_of(exported)
    session = onnxruntime.InferenceSession(content)
    draws = torch.Generator().manual_seed(0)
    for count in (1, 7):
        for size in SIZES:
            images = torch.randint(0, 256, (count, 3, *size), dtype=torch.uint8, generator=draws)
            with torch.no_grad():
                expected = classifier(images).numpy()
            logits, probabilities = session.run(["logits", "probabilities"], {IMAGES: images.numpy()})
            scale = np.abs(expected).max()
            assert np.abs(logits - expected).max() <= 1e-4 * scale
            with torch.no_grad():
                confidence = classifier.probabilities(images).numpy()
            np.testing.assert_allclose(probabilities, confidence, atol=1e-4 * max(1, scale))
    after = classifier.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)

    # Costs, counted from the file, are those that PyTorch counts while it runs.
    counted, found = (
        counted_costs(classifier.network, classifier.resolution),
        open_onnx(content, classifier.resolution),
    )
    assert found.costs.macs == counted.macs
    assert exported.folded is not None
    assert found.costs.params + exported.folded + exported.idle == counted.params
    # The network alone, from prepared images.
    header = classifier.header
    prepared = prepare(images, classifier.resolution, header.mean, header.std)
    with torch.no_grad():
        np.testing.assert_allclose(
            found.network(prepared.numpy()), classifier.logits(prepared).numpy(), atol=1e-4 * scale
        )


def test_the_graph_is_tidy_and_knows_nothing_of_this_machine():
    content = onnx_of(deployed("all exits"))
    assert b"/src/" not in content and b".py" not in content and b"site-packages" not in content
    model = ModelProto.FromString(content)
    names = [node.name for node in model.graph.node]
    assert len(set(names)) == len(names)
    scopes = Counter(name.split("/")[0] for name in names)
    stages = {f"stage_{stage}" for stage in range(1, 6)} | {f"exit_{exit}" for exit in range(1, 6)}
    assert scopes.keys() == {"prepare", "stem", "first", *stages, "network", "confidence"}
    assert "stage_2/level_1/inverted_bottleneck/squeeze_excite/gate/HardSigmoid" in names
    kinds = Counter(node.op_type for node in model.graph.node)
    modules = [type(layer).__name__ for layer in network("all exits").modules()]
    assert kinds["HardSwish"] == modules.count("Hardswish")
    assert kinds["HardSigmoid"] == modules.count("Hardsigmoid")
    # Only where a block begins with its norm is there no convolution to fold it into.
    kept = [name for name in names if name.endswith("BatchNormalization")]
    assert kept and all(re.search(r"/light/norm/", name) for name in kept)
    opset = {entry.domain: entry.version for entry in model.opset_import}
    assert opset[""] >= 18


def test_its_metadata_say_what_it_was_trained_on():
    content = onnx_of(deployed("one's own of aep"))
    told = onnxruntime.InferenceSession(content).get_modelmeta().custom_metadata_map
    assert json.loads(told["class_names"]) == list("abcd")
    assert json.loads(told["resolution"]) == 32 and json.loads(told["temperature"]) == 1.7
    assert json.loads(told["mean"]) == [0.5, 0.4, 0.3] and json.loads(told["std"]) == [0.2, 0.3, 0.25]
    assert json.loads(told["levels"]) == {"black": 0, "white": 4095}


def test_a_channel_that_never_varies_stays_a_number():
    whole = multi_exit("tests.export.networks:own", (1,), build=own)  # of few layers
    classifier = type(whole)(whole.network, replace(whole.header, std=(0.0, 0.3, 0.25))).eval()
    content = onnx_of(deployable(classifier))
    images = torch.randint(0, 256, (2, 3, 40, 24), dtype=torch.uint8)
    found = open_onnx(content, 32).whole(images.numpy())
    with torch.no_grad():
        expected = classifier(images).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_more_images_than_go_through_at_once_are_cut_into_batches():
    content = onnx_of(deployed("SE_B_OFAMobileNetV3, one exit"))
    run = open_onnx(content, 24).whole
    images = torch.randint(0, 256, (150, 3, 24, 24), dtype=torch.uint8).numpy()
    np.testing.assert_allclose(run(images)[140], run(images[140:141])[0], atol=1e-5)
