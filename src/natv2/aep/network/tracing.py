"""A network's forward pass as a graph, cut into stages after named modules."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import signature
from typing import Any

import torch
from torch import Tensor, fx, nn

from natv2.errors import UserError
from natv2.files import one_line

_SHOWN = 30  # modules of a network, of which large ones have hundreds


@dataclass(frozen=True, kw_only=True)
class Traced:
    """A forward pass: its `graph`, and the node that each module gives its output in, where it is one value.

    A module that runs several times has several nodes.
    """

    graph: fx.Graph
    outputs: dict[str, list[fx.Node]]


class _Tracer(fx.Tracer):
    """Sees the module itself, its sequences and whatever holds one of `names`; the rest stays whole.

    What stays whole keeps its own behaviour in training and evaluation, which a graph would freeze.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = names
        self.outputs: dict[str, list[fx.Node]] = {}

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        sequence = type(m).forward is nn.Sequential.forward
        return not sequence and not any(name.startswith(f"{module_qualified_name}.") for name in self.names)

    def create_args_for_root(self, root_fn: Any, *_: Any) -> tuple[Any, list[Any]]:
        """Images alone: what else a forward pass takes is what it is by default."""
        return root_fn, [self.root, self.create_proxy("placeholder", "x", (), {})]

    def call_module(self, m: nn.Module, forward: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        output = super().call_module(m, forward, args, kwargs)
        if isinstance(output, fx.Proxy):
            self.outputs.setdefault(self.path_of_module(m), []).append(output.node)
        return output


def trace(module: nn.Module, names: Sequence[str] = ()) -> Traced:
    """The forward pass of `module`, opened down to the modules called `names`.

    Raises UserError where it cannot be written as a graph, needs more than images, or is not the same in
    training and evaluation.
    """
    _refuse_further_inputs(module)
    tracer = _Tracer(names)
    training = module.training
    try:
        graph = tracer.trace(module.eval())
        in_training = _Tracer(names).trace(module.train())
    except Exception as error:  # whatever a person's forward does with a symbolic image
        raise UserError(
            f"{type(module).__name__}: its forward pass cannot be traced for exits ({one_line(error)}); it "
            "must be made of module calls and tensor operations that do not depend on the images"
        ) from error
    finally:
        module.train(training)
    if str(graph) != str(in_training):
        raise UserError(
            f"{type(module).__name__}: its own forward pass differs between training and evaluation (as with "
            "outputs for training alone, or dropout that is no module); such a network cannot be given exits"
        )
    return Traced(graph=graph, outputs=tracer.outputs)


def _refuse_further_inputs(module: nn.Module) -> None:
    try:
        signature(module.forward).bind("images")
    except TypeError as error:
        raise UserError(
            f"{type(module).__name__}: its forward pass must take images alone ({one_line(error)})"
        ) from None


def cut(module: nn.Module, names: Sequence[str]) -> tuple[dict[str, fx.GraphModule], fx.GraphModule]:
    """`module` as stages, one up to each of the modules called `names`, and its tail after the last.

    The stages are in the order in which an image passes them. Each maps the output of the one before.
    They share their modules, weights included, with `module`. Raises UserError where a name is unknown, or
    where not everything goes through its output.
    """
    traced = trace(module, names)
    nodes = list(traced.graph.nodes)
    found = {name: _border(module, traced, name) for name in names}
    if len(set(found.values())) < len(names):
        raise UserError(f"exits {list(names)}: two of them are after the same operation")
    ordered = sorted(found, key=lambda name: nodes.index(found[name]))
    borders = [found[name] for name in ordered]
    starts = [next(node for node in nodes if node.op == "placeholder"), *borders]
    ends = [*borders, next(node for node in nodes if node.op == "output")]
    *stages, tail = (_piece(module, nodes, start, end) for start, end in zip(starts, ends, strict=True))
    return dict(zip(ordered, stages, strict=True)), tail


def _border(module: nn.Module, traced: Traced, name: str) -> fx.Node:
    modules = dict(module.named_modules())
    if name not in modules:
        known = [other for other in modules if other]
        close = get_close_matches(name, known, n=3)
        hint = f" (did you mean {', '.join(close)}?)" if close else ""
        shown = f"{', '.join(known[:_SHOWN])}{', ...' if len(known) > _SHOWN else ''}"
        raise UserError(f"unknown exit {one_line(repr(name))}{hint}; known modules: {shown}")
    found = traced.outputs.get(name, [])
    if len(found) != 1:
        how = "runs more than once" if found else "does not give one tensor in the forward pass"
        raise UserError(f"exit {name!r} {how}; an exit goes after a module that all images pass once")
    return found[0]


def _piece(module: nn.Module, nodes: list[fx.Node], start: fx.Node, end: fx.Node) -> fx.GraphModule:
    """What is computed after `start` up to `end`, as a module of one tensor."""
    graph = fx.Graph()
    copies = {start: graph.placeholder("x")}
    for node in nodes[nodes.index(start) + 1 : nodes.index(end) + 1]:
        for used in node.all_input_nodes:
            if used.op == "get_attr" and used not in copies:  # a weight of the module itself
                copies[used] = graph.node_copy(used)
            if used not in copies:
                raise UserError(
                    f"an exit cannot follow {start.target}: what comes after it uses {used} too, "
                    "which does not go through it"
                )
        if node.op == "output":
            graph.output(copies[_only(node)])
        else:
            copies[node] = graph.node_copy(node, copies.__getitem__)
    if end.op != "output":
        graph.output(copies[end])
    return fx.GraphModule(module, graph)


def _only(output: fx.Node) -> fx.Node:
    (value,) = output.args
    if not isinstance(value, fx.Node):
        raise UserError("a network with several outputs cannot be given exits; it must give logits alone")
    return value


@torch.inference_mode(mode=False)  # whoever calls: changes of a tensor are not counted in it
@torch.no_grad()
def shapes(pieces: Sequence[fx.GraphModule], resolution: int) -> list[torch.Size]:
    """The shape of one image after each of `pieces`, run one after the other in evaluation mode.

    From then on none of them overwrites its input: the head and the next stage both need it.
    """
    x = torch.zeros(1, 3, resolution, resolution)
    found = []
    for piece in pieces:
        x = _spare_input(piece.eval(), x)
        found.append(x.shape[1:])
    return found


def _spare_input(piece: fx.GraphModule, x: Tensor) -> Tensor:
    """Let nothing overwrite the piece's input, of which `x` is one. Returns what it gives for `x`."""
    (start,) = (node for node in piece.graph.nodes if node.op == "placeholder")
    for node in list(start.users):
        if "inplace" in node.kwargs:
            node.kwargs = {**node.kwargs, "inplace": False}
    piece.recompile()

    def spare(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if hasattr(module, "inplace") and any(_same_memory(value, x) for value in inputs):
            module.inplace = False  # type: ignore[assignment]

    hooks = [module.register_forward_pre_hook(spare) for module in piece.modules()]
    changes = x._version
    try:
        output: Tensor = piece(x)
    finally:
        for hook in hooks:
            hook.remove()
    if x._version > changes:  # a block's own forward does so, as with relu_
        with piece.graph.inserting_after(start):
            copy = piece.graph.call_method("clone", (start,))
        start.replace_all_uses_with(copy, delete_user_cb=lambda user: user is not copy)
        piece.recompile()
    return output


def _same_memory(value: Any, x: Tensor) -> bool:
    return isinstance(value, Tensor) and memory(value)[0] == memory(x)[0]


def memory(tensor: Tensor) -> tuple[Any, ...]:
    """Which storage `tensor` is in, and where: on the meta device, too, on which nothing has an address."""
    return tensor.untyped_storage()._cdata, tensor.storage_offset()
