"""Parameters and MACs, counted from an exported program of torch alone: by shapes, nothing runs."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch.export import ExportedProgram
from torch.fx import Node

from natv2.costs.count import CountedCosts


def program_costs(program: ExportedProgram) -> CountedCosts:
    """Parameters of `program`, and multiply-accumulates of its network for one image, without preparation."""
    macs = 0
    for node in program.graph.nodes:
        count = _MACS.get(str(node.target))
        scopes = [name for name, _ in node.meta.get("nn_module_stack", {}).values()]
        if count is not None and "prepare" not in scopes:
            macs += count(node)
    return CountedCosts(sum(parameter.numel() for parameter in program.parameters()), macs)


def _shape(node: object) -> tuple[int, ...]:
    """Of one image: the first dimension, their number, is left out."""
    assert isinstance(node, Node)
    return tuple(int(size) for size in node.meta["val"].shape[1:])


def _convolution(node: Node) -> int:
    return math.prod(_shape(node)) * math.prod(_shape(node.args[1]))


def _product(node: Node) -> int:
    return math.prod(_shape(node)) * _shape(node.args[0])[-1]


_MACS: Mapping[str, Callable[[Node], int]] = MappingProxyType(
    {
        "aten.conv2d.default": _convolution,
        "aten.linear.default": _product,
        "aten.matmul.default": _product,
        "aten.bmm.default": _product,
    }
)
"""Multiply-accumulates of an operation that has any, from the shapes around it."""
