"""A graph that was traced with one number of images, opened to any number.

To trace with a symbol for the number takes torch three times as long (torch 2.15: every operation asks what
is known of it), and gives the same graph, since layers do not ask how many images there are.
"""

from collections.abc import Iterable, Iterator, Sequence

from onnx import GraphProto, ModelProto, NodeProto, TensorProto, numpy_helper
from torch import nn

IMAGES = "images"
"""What the first dimension of a graph's input and outputs is called."""

_NUMBERS = (101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181)
_WHOLE = (TensorProto.INT64, TensorProto.INT32)
_LAYERS = ("torch.", "torchvision.", "natv2.", "timm.")


def has_known_layers(network: nn.Module) -> bool:
    """Whether no layer is a person's own, which may ask how many images there are, nor made of anybody's."""
    kinds = [type(module).__module__ for module in network.modules()]
    return all(kind.startswith(_LAYERS) and not kind.startswith("torch.fx.") for kind in kinds)


def telling_number(network: nn.Module, sizes: Sequence[int]) -> int | None:
    """A prime that divides no size of a tensor in `network` and none of `sizes`; None where all do."""
    taken = {*sizes, *(size for tensor in network.state_dict().values() for size in tensor.shape)} - {0}
    return next((number for number in _NUMBERS if all(size % number for size in taken)), None)


def opened(model: ModelProto, number: int) -> bool:
    """Open `model`, traced with `number` images, in place to any; False where it cannot be seen to be right.

    `number` may then stand in it as the first size of a Reshape alone, whose others are fixed: what is left
    for it is the number of images. Multiples of it count as it does: attention makes images times heads.
    """
    graph = model.graph
    ends = [value.type.tensor_type.shape.dim[0] for value in (*graph.input, *graph.output)]
    constants = dict(_constants(graph))
    if model.functions or any(_says(node, number) for node in graph.node):
        return False
    if any(dimension.dim_value != number for dimension in ends):
        return False
    if any(_tells(tensor.dims, number) for tensor in constants.values()):
        return False
    numbers = {name: tensor for name, tensor in constants.items() if _holds(tensor, number)}
    shapes = {_shape(node) for node in graph.node}
    others = {name for node in graph.node for name in node.input if name != _shape(node)}
    if not numbers.keys() <= shapes - others or not all(_is_first(t, number) for t in numbers.values()):
        return False
    for dimension in ends:
        dimension.dim_param = IMAGES
    for tensor in numbers.values():
        sizes = numpy_helper.to_array(tensor).copy()
        sizes[0] = -1
        tensor.CopyFrom(numpy_helper.from_array(sizes, tensor.name))
    del graph.value_info[:]  # they say `number`
    return True


def _constants(graph: GraphProto) -> Iterator[tuple[str, TensorProto]]:
    """All constant tensors, by what nodes call them."""
    yield from ((tensor.name, tensor) for tensor in graph.initializer)
    for node in graph.node:
        yield from ((node.output[0], each.t) for each in node.attribute if each.HasField("t"))


def _holds(tensor: TensorProto, number: int) -> bool:
    return tensor.data_type in _WHOLE and _tells(numpy_helper.to_array(tensor).ravel().tolist(), number)


def _tells(values: Iterable[int], number: int) -> bool:
    """Whether `number` or a multiple is among `values`."""
    return any(value and value % number == 0 for value in values)


def _says(node: NodeProto, number: int) -> bool:
    """Whether an attribute of `node` tells of `number`, or has a graph, which may."""
    return any(
        attribute.HasField("g") or attribute.graphs or _tells([attribute.i, *attribute.ints], number)
        for attribute in node.attribute
    )


def _shape(node: NodeProto) -> str | None:
    return node.input[1] if node.op_type == "Reshape" else None


def _is_first(tensor: TensorProto, number: int) -> bool:
    first, *rest = numpy_helper.to_array(tensor).ravel().tolist()
    return first == number and all(size > 0 for size in rest) and not _tells(rest, number)
