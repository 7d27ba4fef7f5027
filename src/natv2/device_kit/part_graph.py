"""A part of a network as an ONNX graph: as exported networks have it, for inputs of any size."""

import copy

import torch
from onnx import ModelProto, TensorProto, helper
from torch import Tensor, nn

from natv2.export.any_number import IMAGES
from natv2.export.folding import fold_norms
from natv2.export.graph import OPSET, network_graph
from natv2.export.plain_layers import replace_layers

GIVEN, MADE = "x", "y"
"""What a part's graph takes and gives."""

SIDE = "side"
"""What pixels along an edge are called, which are not fixed."""

IR_VERSION = 10  # runtimes of two years ago read it

_EXAMPLE = 8  # pixels along an edge: parts do not ask for the size


class _Part(nn.Module):
    """A part within a module, so that its own layer can be replaced too."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.part(x)
        return result


def part_graph(part: nn.Module, channels: int) -> ModelProto:
    """The graph of `part`, with the weights it has, in plain layers with batch norms folded.

    It takes (images, channels, side, side) and any size; `part` stays as it is.
    """
    plain = _Part(copy.deepcopy(part)).eval()
    replace_layers(plain)
    fold_norms(plain)
    plain.requires_grad_(False)
    plain.to(memory_format=torch.contiguous_format)
    model = network_graph(plain, torch.zeros(2, channels, _EXAMPLE, _EXAMPLE), GIVEN, (MADE,))
    for dimension in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        dimension.dim_param = SIDE
    made = model.graph.output[0].type.tensor_type.shape.dim
    for axis, dimension in enumerate(made[2:]):
        dimension.dim_param = f"side_{axis}"
    model.ir_version = IR_VERSION
    return model


def nothing_graph() -> ModelProto:
    """A graph that gives what it takes: (images, 1, side, side)."""
    shape: list[str | int | None] = [IMAGES, 1, SIDE, SIDE]
    graph = helper.make_graph(
        [helper.make_node("Identity", [GIVEN], [MADE], name="nothing")],
        "nothing",
        [helper.make_tensor_value_info(GIVEN, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(MADE, TensorProto.FLOAT, shape)],
    )
    imports = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION, producer_name="natv2")
