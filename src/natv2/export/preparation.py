"""A whole file: in front of a network's graph, nodes that resize and normalise; behind it, probabilities."""

import json
from collections.abc import Mapping
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

from natv2.export.graph import LOGITS, OPSET, PREPARED
from natv2.export.resizing import Nodes, resized
from natv2.finished_network import Classifier

IMAGES, PROBABILITIES = "images", "probabilities"
"""uint8 (N, 3, H, W) of any size, RGB; and float32 (N, classes)."""

SCOPE = "prepare"

NO_NOTES: Mapping[str, str] = MappingProxyType({})

_IR_VERSION = 10  # the first that knows all of opset 21: runtimes of two years ago read it


def complete(network: ModelProto, classifier: Classifier, notes: Mapping[str, str] = NO_NOTES) -> ModelProto:
    """The graph of `classifier`'s `network` as a whole file: from `IMAGES` to `PROBABILITIES`.

    Its metadata have `facts` and `notes`.
    """
    network = with_preparation(network, classifier)
    nodes = Nodes("confidence")
    tempered = nodes.add("Div", LOGITS, nodes.constant("temperature", classifier.header.temperature))
    nodes.add("Softmax", tempered, name="Softmax", output=PROBABILITIES, axis=1)
    network.graph.node.extend(nodes.nodes)
    network.graph.initializer.extend(_tensors(nodes))
    network.graph.output.append(
        helper.make_tensor_value_info(
            PROBABILITIES, TensorProto.FLOAT, ["images", len(classifier.class_names)]
        )
    )
    return as_file(network, classifier, notes)


def with_preparation(network: ModelProto, classifier: Classifier) -> ModelProto:
    """A copy of the graph `network` that takes `IMAGES` instead of `PREPARED`."""
    preparation = _preparation(classifier)
    images = helper.make_tensor_value_info(IMAGES, TensorProto.UINT8, ["images", 3, "height", "width"])
    graph = helper.make_graph(
        [*preparation.nodes, *network.graph.node],
        network.graph.name,
        [images],
        network.graph.output,
        [
            *_tensors(preparation),
            *network.graph.initializer,
        ],
        value_info=[prepared_info(classifier.resolution)],
    )
    return helper.make_model(graph, opset_imports=network.opset_import)


def as_file(network: ModelProto, classifier: Classifier, notes: Mapping[str, str]) -> ModelProto:
    """A graph as people get it, with `facts` and `notes` in its metadata."""
    imports = [entry for entry in network.opset_import if entry.domain]
    model = helper.make_model(
        network.graph,
        opset_imports=[helper.make_opsetid("", OPSET), *imports],
        ir_version=_IR_VERSION,
        producer_name="natv2",
        producer_version=version("natv2"),
    )
    helper.set_model_props(
        model, {**{name: _text(value) for name, value in facts(classifier).items()}, **notes}
    )
    checker.check_model(model, full_check=True)
    return model


def _tensors(nodes: Nodes) -> list[TensorProto]:
    return [numpy_helper.from_array(value, name) for name, value in nodes.constants.items()]


def prepared_info(resolution: int) -> Any:
    """What `PREPARED` is, in the words of ONNX."""
    return helper.make_tensor_value_info(PREPARED, TensorProto.FLOAT, ["images", 3, resolution, resolution])


def facts(classifier: Classifier) -> Mapping[str, Any]:
    """What whoever runs a file has to know, by the names that its metadata have for it; JSON-ready."""
    header = classifier.header
    levels = header.levels
    return {
        "class_names": list(classifier.class_names),
        "resolution": classifier.resolution,
        "mean": list(header.mean),
        "std": list(header.std),
        "temperature": header.temperature,
        "record": dict(header.record),
        "levels": None if levels is None else {"black": levels.black, "white": levels.white},
        "input": (
            "images: uint8 (N, 3, H, W), RGB, of any size; of floats in 0..1 the nearest whole number of 255 "
            "times as much; of more bits, (value - black) * 255 / (white - black) of `levels`, rounded"
        ),
        "output": (
            "logits, and probabilities, the softmax of logits / temperature: float32 (N, classes), in the "
            "order of class_names"
        ),
    }


def _preparation(classifier: Classifier) -> Nodes:
    """What makes `PREPARED` of `IMAGES`, as `natv2.images.transforms` does."""
    header = classifier.header
    std = np.array([deviation or 1.0 for deviation in header.std])  # a channel that never varies stays 0
    nodes = Nodes(SCOPE)
    floats = nodes.add("Cast", IMAGES, name="floats", to=TensorProto.FLOAT)
    pixels = resized(nodes, floats, classifier.resolution)
    pixels = nodes.add("Clip", pixels, nodes.constant("0", 0), nodes.constant("white", 255), name="clip")
    scaled = nodes.add("Mul", pixels, nodes.constant("scale", _channels(1 / (255 * std))), name="scaled")
    shift = nodes.constant("shift", _channels(-np.array(header.mean) / std))
    nodes.add("Add", scaled, shift, name="normalised", output=PREPARED)
    return nodes


def _channels(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values.reshape(1, 3, 1, 1)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
