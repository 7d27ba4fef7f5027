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
from natv2.export.onnx_stages import open_stages, run_stages, stage_graphs, through_stages, write_stages
from natv2.export.opened import Opened, open_onnx, run_network
from natv2.export.preparation import complete
from natv2.export.quiet import quiet
from natv2.export.stages import stops

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

    That is judged on the images that it is calibrated on; the certificate's are others. Of a network that
    stops early its stages and their runner: one cure for all stages, judged on where all of them lead.
    """
    images = calibration.prepared[:MOST_CALIBRATED]
    few = Comparison(images=calibration.images, prepared=images, labels=None, whole=())
    expected, allowed = expected_logits(deployed.classifier, few), (RULES["int8"].points or 0) / 100
    parts, early = _parts(deployed, images.numpy()), stops(deployed.classifier)
    best: tuple[float, list[ModelProto], Cure] | None = None
    for cure in _CURES:
        networks = [_quantised(graph, cure, taken) for graph, taken in parts]
        run = run_stages(networks, deployed) if early else run_network(networks[0])
        changed = 1 - compared(run(images.numpy()), expected, None).predictions
        logger.debug("%s in 8 bits, %s: %.2f %% get another class", name, cure.words, 100 * changed)
        if best is None or changed < best[0]:
            best = changed, networks, cure
        if changed <= allowed:
            break
    assert best is not None
    _, networks, cure = best
    notes = {_NOTE: f"{cure.words}, calibrated on {calibration.images}"}
    if early:
        return write_stages(deployed, name, ".int8.onnx", networks, notes)
    model = complete(networks[0], deployed.classifier, notes)
    return {f"{name}.int8.onnx": model.SerializeToString(deterministic=True)}


def opened(files: Mapping[str, bytes], deployed: Deployable) -> Opened:
    """What `write` gave, in onnxruntime."""
    if stops(deployed.classifier):
        return open_stages(files, deployed, _NOTE)
    (content,) = files.values()
    return open_onnx(content, deployed.resolution, _NOTE)


def _parts(
    deployed: Deployable, prepared: NDArray[np.float32]
) -> list[tuple[ModelProto, NDArray[np.float32]]]:
    """The graphs that are quantised one by one, and what each takes of the images, none having left."""
    if not stops(deployed.classifier):
        return [(deployed.graph, prepared)]
    graphs = stage_graphs(deployed)
    taken = [x for x, _ in through_stages(graphs, prepared)]
    return list(zip(graphs, taken, strict=True))


def _quantised(graph: ModelProto, cure: Cure, taken: NDArray[np.float32]) -> ModelProto:
    """A copy of `graph` with what `cure` says in 8 bits, calibrated on what it has `taken`."""
    with tempfile.TemporaryDirectory() as folder, quiet():
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        onnx.save(graph, before)
        quantize_static(
            before,
            after,
            _Taken(graph.graph.input[0].name, taken),
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


class _Taken(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, name: str, taken: NDArray[np.float32]) -> None:
        self.name = name
        self.batches = iter([taken[start : start + _BATCH] for start in range(0, len(taken), _BATCH)])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next ones, by the name of the input; None after the last."""
        batch = next(self.batches, None)
        return None if batch is None else {self.name: batch}
