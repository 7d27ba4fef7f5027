"""Parameters and MACs, counted from an ONNX graph alone: by shapes and weights, whatever made it."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from onnx import ModelProto, NodeProto, TensorProto, helper, shape_inference
from onnx.utils import Extractor

from natv2.costs.count import CountedCosts
from natv2.export.graph import LOGITS, PREPARED
from natv2.export.preparation import prepared_info

_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)
_STATE: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "BatchNormalization": (3, 4),  # running statistics
        "DequantizeLinear": (1, 2),  # scales and zero points
        "QuantizeLinear": (1, 2),
    }
)
"""What inputs of an operation are no parameters."""

Shape = tuple[int, ...]


def network_of(model: ModelProto, resolution: int, gives: Sequence[str] = (LOGITS,)) -> ModelProto:
    """The part of a whole file's graph that maps `PREPARED` to what it `gives`."""
    whole = ModelProto()
    whole.CopyFrom(model)
    if not any(value.name == PREPARED for value in whole.graph.value_info):
        whole.graph.value_info.append(prepared_info(resolution))
    network: ModelProto = Extractor(whole).extract_model([PREPARED], list(gives))
    return network


def graph_costs(network: ModelProto) -> CountedCosts:
    """Parameters of the graph `network`, and its multiply-accumulates for one image."""
    shapes = _shapes(network)
    macs = sum(_MACS[node.op_type](node, shapes) for node in network.graph.node if node.op_type in _MACS)
    return CountedCosts(sum(math.prod(shapes[name]) for name in _parameters(network)), macs)


def _shapes(network: ModelProto) -> dict[str, Shape]:
    """Shapes of all tensors, for one image."""
    alone = ModelProto()
    alone.CopyFrom(network)
    for value in alone.graph.input:
        dimension = value.type.tensor_type.shape.dim[0]
        dimension.Clear()
        dimension.dim_value = 1
    del alone.graph.value_info[:]
    inferred = shape_inference.infer_shapes(alone, strict_mode=True, data_prop=True).graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in inferred.initializer}
    for value in (*inferred.input, *inferred.value_info):
        shapes[value.name] = tuple(size.dim_value for size in value.type.tensor_type.shape.dim)
    for value in inferred.output:  # told for any number of images, whatever is inferred
        _, *others = (size.dim_value for size in value.type.tensor_type.shape.dim)
        shapes[value.name] = (1, *others)
    return shapes


def _parameters(network: ModelProto) -> set[str]:
    """Names of the tensors that were learned: floats, or what is made floats again, but no single numbers."""
    tensors = {tensor.name: tensor for tensor in network.graph.initializer}
    found = set()
    for name, made_floats in _used(network):
        tensor = tensors.get(name)
        if tensor is not None and tensor.dims and (made_floats or tensor.data_type in _FLOATS):
            found.add(name)
    return found


def _used(network: ModelProto) -> Iterator[tuple[str, bool]]:
    for node in network.graph.node:
        for place, name in enumerate(node.input):
            if name and place not in _STATE.get(node.op_type, ()):
                yield name, node.op_type == "DequantizeLinear"


def _convolution(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    return math.prod(shapes[node.output[0]]) * math.prod(shapes[node.input[1]][1:])


def _product(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]


def _gemm(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    options = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    inner = shapes[node.input[0]][0 if options.get("transA") else 1]
    return math.prod(shapes[node.output[0]]) * inner


_MACS: Mapping[str, Callable[[NodeProto, Mapping[str, Shape]], int]] = MappingProxyType(
    {"Conv": _convolution, "MatMul": _product, "Gemm": _gemm}
)
"""Multiply-accumulates of an operation that has any, from the shapes around it."""
