"""Antialiased bicubic resizing as ONNX nodes that every runtime has: two matrix products.

Their weights are computed in the graph, from the size of its images. ONNX's own Resize would be one node,
but few runtimes have its antialiasing, and it places pixels with less care than training did.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper

HEIGHT, WIDTH = 2, 3
"""Axes of images (N, 3, H, W)."""


@dataclass
class Nodes:
    """Nodes in a row, whose names begin with `scope`, and the constants that they use."""

    scope: str
    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)

    def add(self, kind: str, *inputs: str, name: str = "", output: str = "", **attributes: Any) -> str:
        """Add a node; gives the name of its output."""
        name = f"{self.scope}/{name or f'{kind}_{len(self.nodes)}'}"
        self.nodes.append(helper.make_node(kind, inputs, [output or name], name=name, **attributes))
        return output or name

    def constant(self, name: str, value: object, dtype: Any = np.float32) -> str:
        """The name of a constant; those of a name are equal."""
        self.constants[f"{self.scope}/{name}"] = np.array(value, dtype)
        return f"{self.scope}/{name}"


def resized(nodes: Nodes, images: str, side: int) -> str:
    """Add what resizes float images (N, 3, H, W) to (N, 3, `side`, `side`), as training does; gives its name.

    Values may leave the range of those of `images` a little, as any bicubic filter's do.
    """
    across = nodes.add("Transpose", _weights(nodes, images, WIDTH, side), perm=[1, 0])
    down = _weights(nodes, images, HEIGHT, side)
    return nodes.add("MatMul", down, nodes.add("MatMul", images, across, name="across"), name="down")


def _weights(nodes: Nodes, images: str, axis: int, side: int) -> str:
    """The weights (side, size) with which the pixels along an axis make each of `side` samples."""
    add, constant = nodes.add, nodes.constant
    zero, one, two, half = (constant(n, v) for n, v in (("0", 0), ("1", 1), ("2", 2), ("half", 0.5)))
    shape = add("Shape", images)
    size = add("Cast", add("Gather", shape, constant(f"axis_{axis}", axis, np.int64)), to=TensorProto.FLOAT)
    scale = add("Div", size, constant("side", side))
    centres = add("Sub", add("Mul", constant("samples", _middles(side)), scale), half)
    # Shrinking widens the filter by its own scale, so that nothing aliases.
    away = add("Div", add("Sub", add("Range", zero, size, one), centres), add("Max", scale, one))
    distance = add("Abs", away)
    # Keys's kernel with a = -1/2 as a sum of one piece that ends at distance 2 and one that ends at 1.
    far, near = (add("Relu", add("Sub", end, distance)) for end in (two, one))
    outer = _product(nodes, far, far, add("Mul", add("Sub", far, one), half))
    inner = _product(nodes, near, near, add("Sub", one, add("Mul", near, two)))
    weights = add("Add", outer, inner)
    total = add("ReduceSum", weights, constant("all", [1], np.int64), keepdims=1)
    return add("Div", weights, total)


def _product(nodes: Nodes, first: str, *others: str) -> str:
    for other in others:
        first = nodes.add("Mul", first, other)
    return first


def _middles(side: int) -> Sequence[Sequence[float]]:
    return [[sample + 0.5] for sample in range(side)]
