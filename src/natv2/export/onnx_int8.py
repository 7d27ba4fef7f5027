"""The format `onnx_int8`: weights and activations in 8 bits, as far as the network stays itself."""

import logging
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from natv2.export.acceptance import RULES, compared
from natv2.export.certificate import expected_logits
from natv2.export.comparison import MOST_CALIBRATED, Comparison
from natv2.export.deployable import Deployable
from natv2.export.graph import PREPARED
from natv2.export.opened import Opened, open_onnx, run_network
from natv2.export.preparation import complete
from natv2.export.quiet import quiet

logger = logging.getLogger("natv2")

Place = Literal["map", "depthwise", "excitation", "last"]
"""Convolutions of maps, those of one channel each, what scales channels, what makes logits of the means."""

_BATCH = 16
_POOLS = ("ReduceMean", "GlobalAveragePool")
_NOTE = "quantisation"


@dataclass(frozen=True, kw_only=True)
class Cure:
    """A way to quantise: `words` for people, what stays in `floats`, how ranges are found."""

    words: str
    floats: frozenset[Place] = frozenset()
    method: CalibrationMethod = CalibrationMethod.MinMax
    options: Mapping[str, Any] = field(default_factory=dict)


_SMALL: frozenset[Place] = frozenset({"excitation", "last"})
_CURES = (
    Cure(words="everything"),
    Cure(words="all but squeeze-and-excitation", floats=frozenset({"excitation"})),
    Cure(words="all but squeeze-and-excitation and the last layers", floats=_SMALL),
    Cure(
        words="all but squeeze-and-excitation and the last layers, without the rarest values",
        floats=_SMALL,
        method=CalibrationMethod.Percentile,
        options={"CalibPercentile": 99.99},
    ),
    Cure(
        words="all but squeeze-and-excitation, the last layers and depthwise convolutions",
        floats=_SMALL | {"depthwise"},
    ),
)
"""In the order in which they are tried: what is faster comes first."""


def write(deployed: Deployable, name: str, calibration: Comparison) -> Mapping[str, bytes]:
    """The file of the network called `name`: by the first cure that keeps its classes, else by the best.

    That is judged on the images that it is calibrated on; the certificate's are others.
    """
    images = calibration.prepared[:MOST_CALIBRATED]
    few = Comparison(images=calibration.images, prepared=images, labels=None, whole=())
    expected, allowed = expected_logits(deployed.classifier, few), (RULES["int8"].points or 0) / 100
    best: tuple[float, ModelProto, Cure] | None = None
    for cure in _CURES:
        network = _quantised(deployed.graph, cure, images.numpy())
        changed = 1 - compared(run_network(network)(images.numpy()), expected, None).predictions
        logger.debug("%s in 8 bits, %s: %.2f %% get another class", name, cure.words, 100 * changed)
        if best is None or changed < best[0]:
            best = changed, network, cure
        if changed <= allowed:
            break
    assert best is not None
    _, network, cure = best
    model = complete(
        network, deployed.classifier, {_NOTE: f"{cure.words}, calibrated on {calibration.images}"}
    )
    return {f"{name}.int8.onnx": model.SerializeToString(deterministic=True)}


def opened(files: Mapping[str, bytes], deployed: Deployable) -> Opened:
    """What `write` gave, in onnxruntime."""
    (content,) = files.values()
    return open_onnx(content, deployed.resolution, _NOTE)


def _quantised(graph: ModelProto, cure: Cure, images: NDArray[np.float32]) -> ModelProto:
    """A copy of `graph` with what `cure` says in 8 bits, calibrated on prepared `images`."""
    with tempfile.TemporaryDirectory() as folder, quiet():
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        onnx.save(graph, before)
        quantize_static(
            before,
            after,
            _Images(images),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[name for name, place in _places(graph) if place in cure.floats],
            calibrate_method=cure.method,
            extra_options=dict(cure.options),
        )
        return onnx.load(after)


def _places(graph: ModelProto) -> Iterator[tuple[str, Place]]:
    """Where each node is, by its name."""
    weights = {tensor.name: tensor for tensor in graph.graph.initializer}
    vectors: set[str] = set()  # what has no positions any more
    for node in graph.graph.node:
        inputs = [name for name in node.input if name and name not in weights]
        if node.op_type in _POOLS or (inputs and vectors.issuperset(inputs)):
            vectors.update(node.output)
    become_maps: set[str] = set()
    for node in reversed(graph.graph.node):
        if node.output[0] not in vectors or become_maps.issuperset(node.output):
            become_maps.update(node.input)
        if node.output[0] in vectors:
            yield node.name, "excitation" if node.output[0] in become_maps else "last"
        else:
            depthwise = node.op_type == "Conv" and weights[node.input[1]].dims[1] == 1
            yield node.name, "depthwise" if depthwise else "map"


class _Images(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, images: NDArray[np.float32]) -> None:
        self.batches = iter([images[start : start + _BATCH] for start in range(0, len(images), _BATCH)])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next images, by the name of the input; None after the last."""
        batch = next(self.batches, None)
        return None if batch is None else {PREPARED: batch}
