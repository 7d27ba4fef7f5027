"""A network as an ONNX graph: its stages and exits are scopes, and nothing of this machine is in it."""

import ast
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import torch
from onnx import ModelProto, NodeProto, checker

from natv2.export.any_number import IMAGES, has_known_layers, opened, telling_number
from natv2.export.quiet import quiet
from natv2.export.translations import kept_translations

OPSET = 18
"""Of 2022: what runs on devices knows it."""

PREPARED, LOGITS = "prepared", "logits"
"""What the network's graph takes and gives: float32 (N, 3, R, R) and (N, classes)."""

_NUMBERED = re.compile(r"val_\d+$")  # what torch calls constants, by how many values it has seen so far
_SCOPES = "pkg.torch.onnx.name_scopes"
_RENAMED = (
    (re.compile(r"^(classifier\.)?(network\.)?"), ""),
    (re.compile(r"^stages\.(\d+)"), lambda match: f"stage_{int(match[1]) + 1}"),
    (re.compile(r"\blevels\.(\d+)(\.blocks)?"), lambda match: f"level_{int(match[1]) + 1}"),
    (re.compile(r"^heads\.(\d+)"), r"exit_\1"),
)
"""What tensors and modules are called in a graph, for what torch calls them."""


def network_graph(
    network: torch.nn.Module,
    example: torch.Tensor,
    takes: str = PREPARED,
    gives: Sequence[str] = (LOGITS,),
) -> ModelProto:
    """The graph of `network` for any number of images; its input and its outputs are called as is said.

    `example` (N, ...) tells the other sizes; a person's own layers are traced with a symbol for N.
    """
    number = telling_number(network, example.shape) if has_known_layers(network) else None
    model = (
        None
        if number is None
        else _traced(network, example[:1].expand(number, *example.shape[1:]), takes, gives)
    )
    if model is None or number is None or not opened(model, number):
        model = _traced(network, example, takes, gives, {0: torch.export.Dim(IMAGES)})
    tidy(model)
    checker.check_model(model, full_check=True)
    return model


def _traced(
    network: torch.nn.Module,
    example: torch.Tensor,
    takes: str,
    gives: Sequence[str],
    free: Mapping[int, Any] | None = None,
) -> ModelProto:
    """The graph as torch gives it, for the sizes of `example` but for those that are `free`."""
    with quiet(), kept_translations(), torch.no_grad():
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=[takes],
            output_names=list(gives),
            dynamic_shapes=None if free is None else (dict(free),),
            verbose=False,
        )
    assert program is not None  # what is written to a file gives none
    model: ModelProto = program.model_proto
    return model


def tidy(model: ModelProto) -> None:
    """Name, in place, nodes and tensors after the modules they belong to; take away what the exporter noted.

    It notes lines of source code with their places on this machine, many times the size of small networks.
    """
    graph = model.graph
    graph.name, model.producer_name = "network", "natv2"
    unnamed = count(1)
    names: dict[str, str] = {
        tensor.name: f"constant_{next(unnamed)}"
        if _NUMBERED.match(tensor.name)
        else _named(tensor.name).replace(".", "/")
        for tensor in graph.initializer
    }
    kept = {value.name for value in (*graph.input, *graph.output)}
    taken = Counter([*names.values(), *kept])
    for node in graph.node:
        node.name = _unique(_scoped(node), taken)
        for number, output in enumerate(node.output):
            if output and output not in kept:
                names[output] = node.name if number == 0 else f"{node.name}_{number}"
        node.doc_string = ""
        del node.metadata_props[:]
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for tensor in graph.initializer:
        tensor.name = names[tensor.name]
        tensor.doc_string = ""
    for part in (model, graph, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
    del graph.value_info[:]  # shapes are inferred again by whoever wants them


def _scoped(node: NodeProto) -> str:
    noted: Mapping[str, str] = {entry.key: entry.value for entry in node.metadata_props}
    scopes = [scope for scope in ast.literal_eval(noted.get(_SCOPES, "[]")) if scope]
    # The last is the operation's own; a module's name has those of all around it.
    module = _named(scopes[-2]) if len(scopes) > 1 else ""
    return "/".join([*(module or "network").split("."), node.op_type])


def _named(name: str) -> str:
    for pattern, successor in _RENAMED:
        name = pattern.sub(successor, name)
    return name


def _unique(name: str, taken: Counter[str]) -> str:
    taken[name] += 1
    return name if taken[name] == 1 else f"{name}_{taken[name]}"
