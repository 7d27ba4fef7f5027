"""A whole network as an ONNX graph, put together from the graphs of its parts."""

from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, checker, helper

from natv2.device_kit.part_graph import GIVEN, IR_VERSION, MADE, SIDE
from natv2.export.any_number import IMAGES
from natv2.export.graph import OPSET
from natv2.search.kit_contents import KitContents
from natv2.spaces.design import IMAGE_CHANNELS
from natv2.spaces.space import Codes


def assembled(contents: KitContents, code: Codes, graphs: Mapping[str, ModelProto]) -> ModelProto:
    """The network of `code`, from prepared images to logits; `graphs` are those of parts, by their names.

    Levels sum their blocks and stages have their dense skips, as `supernets.network` has them.
    """
    space, parts = contents.space, contents.parts
    code, architecture = space.canonical(code), space.decode(code)
    at = int(code[0]), int(code[1])
    network = _Assembly(parts.names, graphs)
    stem, first, head = parts.rest[at][space.design.exits.index(architecture.deepest_exit)]
    x = network.append("first", first, network.append("stem", stem, GIVEN))
    for stage in range(architecture.deepest_exit):
        start = stage * space.design.levels_per_stage
        outputs: list[str] = []
        for position in range(architecture.depths[stage]):
            level = start + position
            blocks = parts.levels[at][level, code[space.first_level + level]]
            outputs.append(network.level(f"stage_{stage + 1}/level_{position + 1}", blocks[blocks >= 0], x))
            skipping = outputs[:-2] if space.design.dense else []
            x = network.sum(f"stage_{stage + 1}/skip_{position + 1}", [outputs[-1], *skipping])
    return network.model(network.append("head", head, x), contents.classes)


class _Assembly:
    """A graph that grows by parts, which are told by their indices in `names`."""

    def __init__(self, names: Sequence[str], graphs: Mapping[str, ModelProto]) -> None:
        self._names, self._graphs = names, graphs
        self._nodes: list[NodeProto] = []
        self._weights: list[TensorProto] = []

    def append(self, place: str, index: int, x: str) -> str:
        """Put a part behind the tensor `x`, with weights of its own; gives the name of what it makes."""
        graph = self._graphs[self._names[index]].graph
        names = {GIVEN: x, "": ""}

        def named(name: str) -> str:
            return names.get(name, f"{place}/{name}")

        for weight in graph.initializer:
            own = TensorProto()
            own.CopyFrom(weight)
            own.name = named(weight.name)
            self._weights.append(own)
        for node in graph.node:
            own_node = NodeProto()
            own_node.CopyFrom(node)
            own_node.name = f"{place}/{node.name}"
            own_node.input[:] = [named(name) for name in node.input]
            own_node.output[:] = [named(name) for name in node.output]
            self._nodes.append(own_node)
        return named(MADE)

    def level(self, place: str, blocks: np.ndarray, x: str) -> str:
        """Blocks side by side, summed."""
        made = [self.append(f"{place}/block_{number}", index, x) for number, index in enumerate(blocks)]
        return self.sum(f"{place}/sum", made)

    def sum(self, place: str, tensors: Sequence[str]) -> str:
        """The sum of `tensors`, from the first on."""

        def add(one: str, other: str) -> str:
            name = f"{place}_{len(self._nodes)}"
            self._nodes.append(helper.make_node("Add", [one, other], [name], name=name))
            return name

        return reduce(add, tensors)

    def model(self, logits: str, classes: int) -> ModelProto:
        """All of it, from images to the tensor `logits`."""
        graph = helper.make_graph(
            self._nodes,
            "network",
            [helper.make_tensor_value_info(GIVEN, TensorProto.FLOAT, [IMAGES, IMAGE_CHANNELS, SIDE, SIDE])],
            [helper.make_tensor_value_info(logits, TensorProto.FLOAT, [IMAGES, classes])],
            self._weights,
        )
        imports = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION, producer_name="natv2")
        checker.check_model(model, full_check=True)
        return model
