"""The format `onnx_fp16`: half the size; images are prepared in float32 still."""

from collections.abc import Mapping

from onnx import ModelProto, NodeProto
from onnxruntime.transformers.float16 import convert_float_to_float16

from natv2.export.comparison import Comparison
from natv2.export.deployable import Deployable
from natv2.export.onnx_stages import open_stages, stage_graphs, write_stages
from natv2.export.opened import Opened, open_onnx
from natv2.export.preparation import complete
from natv2.export.quiet import quiet
from natv2.export.stages import stops


def write(deployed: Deployable, name: str, calibration: Comparison) -> Mapping[str, bytes]:
    """The file of the network called `name`; of one that stops early, its stages and their runner."""
    if stops(deployed.classifier):
        return write_stages(deployed, name, ".fp16.onnx", list(map(_halved, stage_graphs(deployed))))
    model = complete(_halved(deployed.graph), deployed.classifier)
    return {f"{name}.fp16.onnx": model.SerializeToString(deterministic=True)}


def opened(files: Mapping[str, bytes], deployed: Deployable) -> Opened:
    """What `write` gave, in onnxruntime."""
    if stops(deployed.classifier):
        return open_stages(files, deployed)
    (content,) = files.values()
    return open_onnx(content, deployed.resolution)


def _halved(graph: ModelProto) -> ModelProto:
    """A copy in float16 of what is computed; what comes in and goes out is float32 still."""
    network = ModelProto()
    network.CopyFrom(graph)
    with quiet():
        half: ModelProto = convert_float_to_float16(network, keep_io_types=True)
    _sort(half)
    return half


def _sort(model: ModelProto) -> None:
    """Put nodes behind what they use: the converter adds its own at the end."""
    known = {"", *(value.name for value in (*model.graph.input, *model.graph.initializer))}
    waiting = list(model.graph.node)
    ordered: list[NodeProto] = []
    while waiting:
        ready = [node for node in waiting if known.issuperset(node.input)]
        waiting = [node for node in waiting if not known.issuperset(node.input)]
        if not ready:
            raise ValueError(f"nothing gives what {waiting[0].name} uses")
        ordered += ready
        known.update(name for node in ready for name in node.output)
    del model.graph.node[:]
    model.graph.node.extend(ordered)
