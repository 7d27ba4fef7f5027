"""A network as a tree of few kinds of modules, of which Python source is written."""

from collections.abc import Mapping
from typing import Any

from torch import fx, nn
from torch.nn.modules.container import Sequential

from natv2.errors import UserError
from natv2.files import one_line


class Graph(nn.Module):
    """A module that computes what `graph` says; `kind` is what its type was called.

    `parts` are the modules that the graph calls, by their names in it.
    """

    def __init__(self, kind: str, graph: fx.Graph, parts: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.kind, self.graph = kind, graph
        for name, part in parts.items():
            self.add_module(name, part)


def simplified(module: nn.Module, inside: tuple[str, ...] = ()) -> nn.Module:
    """`module`, in evaluation mode, as layers of torch, nn.Sequential and `Graph`; it shares its weights.

    What does nothing then is left out. Modules called one of `inside` are opened, not called. Raises
    UserError where a forward pass depends on its images.
    """
    if _is_torchs(module):
        return module
    if type(module).forward is Sequential.forward:
        return _in_a_row([simplified(part) for part in module.children()])
    graph = _traced(module, inside)
    calls = [node for node in graph.nodes if node.op == "call_module"]
    parts = {str(node.target): simplified(module.get_submodule(str(node.target))) for node in calls}
    for node in calls:
        if _does_nothing(parts[str(node.target)]):
            node.replace_all_uses_with(node.args[0])
            graph.erase_node(node)
            parts.pop(str(node.target), None)
    graph.lint()
    if _is_row(graph):
        return _in_a_row([parts[str(node.target)] for node in graph.nodes if node.op == "call_module"])
    return _graph(module, graph, parts)


def whole_graph(module: nn.Module, inside: tuple[str, ...]) -> Graph:
    """What `simplified` gives, as a `Graph` even where it is a mere row of layers."""
    found = simplified(module, inside)
    if isinstance(found, Graph):
        return found
    graph = fx.Graph()
    graph.output(graph.call_module("layers", (graph.placeholder("x"),)))
    return Graph("Network", graph, {"layers": found})


class _Tracer(fx.Tracer):
    """Calls every module, but for those called one of `inside`."""

    def __init__(self, inside: tuple[str, ...]) -> None:
        super().__init__()
        self.inside = inside

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return module_qualified_name not in self.inside


def _traced(module: nn.Module, inside: tuple[str, ...]) -> fx.Graph:
    try:
        graph = _Tracer(inside).trace(module)
    except Exception as error:  # whatever a person's forward does with a symbolic image
        raise UserError(
            f"{type(module).__name__} cannot be written as Python source: its forward pass cannot be traced "
            f"({one_line(error)})"
        ) from None
    for node in reversed(graph.nodes):
        if not node.users and node.op not in ("placeholder", "output"):
            graph.erase_node(node)
    return graph


def _graph(module: nn.Module, graph: fx.Graph, parts: Mapping[str, nn.Module]) -> Graph:
    """With names that attributes can have, and tensors of the module's own."""
    names = {name: attribute(name) for name in parts}
    kind = "Part" if isinstance(module, fx.GraphModule) else type(module).__name__
    made = Graph(kind, graph, {names[name]: part for name, part in parts.items()})
    for node in graph.nodes:
        if node.op == "call_module":
            node.target = names[str(node.target)]
        elif node.op == "get_attr":
            _take(made, module, node)
    return made


def _take(made: Graph, module: nn.Module, node: fx.Node) -> None:
    value: Any = module
    for part in str(node.target).split("."):
        value = getattr(value, part)
    node.target = attribute(str(node.target))
    if isinstance(value, nn.Parameter):
        made.register_parameter(node.target, value)
    else:
        made.register_buffer(node.target, value)


def attribute(name: str) -> str:
    """A module's name in a network, as an attribute: stages and levels are counted from 1."""
    words = name.replace("classifier.network.", "").split(".")
    told: list[str] = []
    for word in words:
        if word.isdigit() and told and told[-1] in _COUNTED:
            kind, first = _COUNTED[told.pop()]
            told.append(f"{kind}_{int(word) + first}")
        else:
            told.append(word)
    text = "_".join(word for word in told if word != "blocks" or len(told) == 1)
    return text if text.isidentifier() else f"layer_{text}"


_COUNTED: Mapping[str, tuple[str, int]] = {
    "stages": ("stage", 1),
    "levels": ("level", 1),
    "heads": ("exit", 0),
}


def _in_a_row(parts: list[nn.Module]) -> nn.Module:
    row: list[nn.Module] = []
    for part in parts:
        if not _does_nothing(part):
            row += list(part.children()) if type(part) is nn.Sequential else [part]
    return row[0] if len(row) == 1 else nn.Sequential(*row)


def _does_nothing(module: nn.Module) -> bool:
    if type(module) is nn.Sequential:
        return not len(module)
    return isinstance(module, nn.Identity | nn.Dropout | nn.Dropout2d)


def _is_torchs(module: nn.Module) -> bool:
    place = type(module).__module__
    return place.startswith("torch.nn.") and not isinstance(module, nn.Sequential | fx.GraphModule)


def _is_row(graph: fx.Graph) -> bool:
    """Whether each node calls a module on what the one before gives."""
    before, *others, last = graph.nodes
    for node in others:
        if node.op != "call_module" or node.args != (before,) or node.kwargs or len(before.users) != 1:
            return False
        before = node
    return bool(last.op == "output" and last.args == (before,))
