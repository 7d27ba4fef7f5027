"""The Python source of one network: its own classes, then the network itself, layer by layer."""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from types import MappingProxyType
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from natv2.errors import UserError
from natv2.export.layer_source import layer_source
from natv2.export.simplified import Graph

_RESERVED = ("Network", "Stage")  # the templates' own classes
_WIDTH = 100
_LONGEST = 60  # an expression within another
_INDENT = "    "
_INFIX: Mapping[Callable[..., Any], str] = MappingProxyType(
    {
        operator.add: "+",
        operator.iadd: "+",
        torch.add: "+",
        operator.sub: "-",
        operator.mul: "*",
        operator.imul: "*",
        torch.mul: "*",
        operator.truediv: "/",
        operator.floordiv: "//",
        operator.matmul: "@",
    }
)


@dataclass
class Source:
    """Source under way: `classes` by what they compute, with their names.

    `built_in` are the parts that a class builds itself, since all of its kind have the same and no weights:
    what `seen` has one text of.
    """

    classes: dict[tuple[str, ...], str] = field(default_factory=lambda: {(name,): name for name in _RESERVED})
    texts: dict[str, str] = field(default_factory=dict)
    seen: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    built_in: dict[tuple[str, str], str] = field(default_factory=dict)

    def built(self, module: nn.Module, indent: int = 0) -> str:
        """What builds `module`; over several lines where one does not hold it."""
        if isinstance(module, Graph):
            return self._instance(module, indent)
        if type(module) is nn.Sequential:
            parts = [self.built(part, indent + 1) for part in module]
            return _call("nn.Sequential", _repeated(parts, indent + 1), indent)
        return layer_source(module)

    def _instance(self, module: Graph, indent: int) -> str:
        name = self._class_of(module)
        parts = []
        for part, child in module.named_children():
            text = self.built(child, indent + 1)
            weightless = not any(True for _ in (*child.parameters(), *child.buffers()))
            self.seen.setdefault((name, part), set()).add(text if weightless else "")
            if (name, part) not in self.built_in:
                parts.append(f"{part}={text}")
        parts += [f"{tensor}={_like(value)}" for tensor, value in _own(module)]
        if name not in self.texts:
            self.texts[name] = self._class(name, module)
        return _call(name, parts, indent)

    def _class_of(self, module: Graph) -> str:
        computes = (module.kind, *(name for name, _ in module.named_children()), *_forward(module))
        if computes not in self.classes:
            number = 1 + sum(kind == module.kind for kind, *_ in self.classes)
            self.classes[computes] = module.kind if number == 1 else f"{module.kind}{number}"
        return self.classes[computes]

    def _class(self, name: str, module: Graph) -> str:
        parts = [part for part, _ in module.named_children()]
        given = [part for part in parts if (name, part) not in self.built_in]
        own = [tensor for tensor, _ in _own(module)]
        taken = ["self", *(f"{part}: nn.Module" for part in given), *(f"{tensor}: Tensor" for tensor in own)]
        lines = [f"class {name}(nn.Module):", *_signature(taken), f"{_INDENT * 2}super().__init__()"]
        for part in parts:
            lines.append(f"{_INDENT * 2}self.{part} = {self.built_in.get((name, part), part)}")
        lines += [f"{_INDENT * 2}self.register_buffer({tensor!r}, {tensor})" for tensor in own]
        return "\n".join([*lines, "", *_forward(module)])


def network_source(network: Graph) -> tuple[list[str], list[str]]:
    """The classes that `network` is made of, and the lines of its own __init__ and forward.

    Raises UserError on an operation that has no name in torch.
    """
    source = _source_of(list(network.children()))
    lines = [*_signature(["self"]), f"{_INDENT * 2}super().__init__()"]
    for name, part in network.named_children():
        lines.append(f"{_INDENT * 2}self.{name} = {source.built(part, 2)}")
    for name, tensor in _own(network):
        lines.append(f"{_INDENT * 2}self.register_buffer({name!r}, {_like(tensor)})")
    return list(source.texts.values()), [*lines, "", *_forward(network)]


def stages_source(stages: Sequence[tuple[nn.Module, nn.Module]]) -> tuple[list[str], str]:
    """The classes that `stages`, layers and a head each, are made of, and what builds their list.

    Raises UserError as `network_source`.
    """
    source = _source_of([part for stage in stages for part in stage])
    built = []
    for layers, head in stages:
        parts = [f"layers={source.built(layers, 4)}", f"head={source.built(head, 4)}"]
        built.append(_call("Stage", parts, 3))
    inner = "".join(f"{_INDENT * 3}{each},\n" for each in built)
    return list(source.texts.values()), f"nn.ModuleList([\n{inner}{_INDENT * 2}])"


def _source_of(modules: Sequence[nn.Module]) -> Source:
    """What writes `modules`, knowing what all of a kind have in common, for it has seen them before."""
    looked = Source()
    for module in modules:
        looked.built(module)
    common = {
        key: next(iter(texts)) for key, texts in looked.seen.items() if len(texts) == 1 and texts != {""}
    }
    return Source(built_in=common)


def _own(module: Graph) -> Iterator[tuple[str, torch.Tensor]]:
    yield from module.named_parameters(recurse=False)
    yield from module.named_buffers(recurse=False)


def _like(tensor: torch.Tensor) -> str:
    return f"torch.zeros({', '.join(map(str, tensor.shape))})"


def _call(name: str, parts: list[str], indent: int) -> str:
    flat = f"{name}({', '.join(parts)})"
    if "\n" not in flat and len(flat) + len(_INDENT) * indent <= _WIDTH - 20:
        return flat
    inner = _INDENT * (indent + 1)
    return "\n".join([f"{name}(", *(f"{inner}{part}," for part in parts), f"{_INDENT * indent})"])


def _repeated(parts: list[str], indent: int) -> list[str]:
    """`parts` of a row, of which many alike in a row are written once."""
    rows = []
    for part, alike in ((part, len(list(each))) for part, each in groupby(parts)):
        if alike < 3:
            rows += [part] * alike
            continue
        inner = _INDENT * (indent + 1)
        text = part.replace("\n", f"\n{_INDENT}")
        rows.append(f"*(\n{inner}{text}\n{inner}for _ in range({alike})\n{_INDENT * indent})")
    return rows


def _signature(taken: list[str]) -> list[str]:
    flat = f"{_INDENT}def __init__({', '.join(taken)}) -> None:"
    if len(flat) <= _WIDTH:
        return [flat]
    return [f"{_INDENT}def __init__(", *(f"{_INDENT * 2}{each}," for each in taken), f"{_INDENT}) -> None:"]


def _forward(module: Graph) -> Iterator[str]:
    """The lines of its forward method: an expression that is used once stands where it is used."""
    texts: dict[fx.Node, str] = {}
    names: set[str] = set()
    (taken,) = (node for node in module.graph.nodes if node.op == "placeholder")
    yield f"{_INDENT}def forward(self, x: Tensor) -> Tensor:"
    texts[taken] = "x"
    for node in module.graph.nodes:
        if node.op == "placeholder":
            continue
        if node.op == "output":
            yield f"{_INDENT * 2}return {_bare(texts[node.args[0]])}"
            return
        text = _expression(node, texts)
        once = len(node.users) == 1 and next(iter(node.users)) is node.next
        most = _LONGEST if node.next.op != "output" else _WIDTH - 16
        if (once and len(text) <= most) or node.op == "get_attr":
            texts[node] = text
            continue
        texts[node] = _variable(node, names)
        yield f"{_INDENT * 2}{texts[node]} = {_bare(text)}"


def _variable(node: fx.Node, names: set[str]) -> str:
    wanted = f"after_{node.target}" if node.op == "call_module" else str(node.name)
    name = next(n for n in (wanted, *(f"{wanted}_{i}" for i in range(2, 1000))) if n not in names)
    names.add(name)
    return name


def _bare(text: str) -> str:
    """Without brackets around all of it."""
    inside = text[1:-1]
    if not text.startswith("(") or not text.endswith(")"):
        return text
    depth = 0
    for character in inside:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return text
    return inside


def _expression(node: fx.Node, texts: Mapping[fx.Node, str]) -> str:
    arguments = [_argument(value, texts) for value in node.args]
    named = [f"{name}={_argument(value, texts)}" for name, value in node.kwargs.items()]
    if node.op == "get_attr":
        return f"self.{node.target}"
    if node.op == "call_module":
        return f"self.{node.target}({_bare(', '.join([*arguments, *named]))})"
    if node.op == "call_method":
        return f"{arguments[0]}.{node.target}({', '.join([*arguments[1:], *named])})"
    function: Any = node.target
    if function in _INFIX and not named:
        return f"({f' {_INFIX[function]} '.join(arguments)})"
    if function is operator.getitem:
        return f"{arguments[0]}[{arguments[1].removeprefix('(').removesuffix(')')}]"
    if function is getattr:
        return f"{arguments[0]}.{node.args[1]}"
    return f"{_function(function)}({', '.join([*arguments, *named])})"


def _function(function: Any) -> str:
    name = getattr(function, "__name__", "")
    for module, prefix in ((torch, "torch"), (functional, "functional")):
        if getattr(module, name, None) is function:
            return f"{prefix}.{name}"
    if name == "boolean_dispatch" or not name:
        name = repr(function)
    raise UserError(f"the operation {name} cannot be written as Python source")


def _argument(value: Any, texts: Mapping[fx.Node, str]) -> str:
    if isinstance(value, fx.Node):
        return texts[value]
    if isinstance(value, slice):
        ends = ["" if end is None else _argument(end, texts) for end in (value.start, value.stop)]
        step = "" if value.step is None else f":{_argument(value.step, texts)}"
        return f"{ends[0]}:{ends[1]}{step}"
    if isinstance(value, tuple):
        inside = ", ".join(_argument(each, texts) for each in value)
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, list):
        return f"[{', '.join(_argument(each, texts) for each in value)}]"
    return "..." if value is Ellipsis else repr(value)
