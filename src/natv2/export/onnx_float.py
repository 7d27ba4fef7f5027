"""The format `onnx`: one whole file in float32."""

from collections.abc import Mapping

from natv2.export.comparison import Comparison
from natv2.export.deployable import Deployable
from natv2.export.onnx_stages import open_stages, stage_graphs, write_stages
from natv2.export.opened import Opened, open_onnx
from natv2.export.preparation import complete
from natv2.export.stages import stops


def write(deployed: Deployable, name: str, calibration: Comparison) -> Mapping[str, bytes]:
    """The file of the network called `name`; of one that stops early, its stages and their runner."""
    if stops(deployed.classifier):
        return write_stages(deployed, name, ".onnx", stage_graphs(deployed))
    model = complete(deployed.graph, deployed.classifier)
    return {f"{name}.onnx": model.SerializeToString(deterministic=True)}


def opened(files: Mapping[str, bytes], deployed: Deployable) -> Opened:
    """What `write` gave, in onnxruntime."""
    if stops(deployed.classifier):
        return open_stages(files, deployed)
    (content,) = files.values()
    return open_onnx(content, deployed.resolution)
