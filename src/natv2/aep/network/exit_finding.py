"""Where exits go in a network that nobody has described: after its last block at each size."""

from collections import Counter

import torch
from torch import fx, nn

from natv2.aep.network.tracing import trace
from natv2.errors import UserError
from natv2.files import one_line


def find_exits(module: nn.Module, count: int, resolution: int) -> tuple[str, ...]:
    """Names of the modules that at most `count` exits follow: the last blocks before the feature maps shrink.

    A block is a module made of others whose type occurs several times in the row of all that an image passes,
    or, in a plain row of layers as VGG's, a pooling layer. Of several such types (EfficientNetV2's) the one
    that occurs most often says where exits go, the others only at sizes at which it does not occur. The
    deepest sizes are taken, as the thesis takes the deepest stages. Raises UserError where blocks are found
    at fewer than two sizes, or the images do not go through the network.
    """
    traced = trace(module)
    modules = dict(module.named_modules())
    row = [str(node.target) for node in traced.graph.nodes if node.op == "call_module"]
    own = [name for name in row if not type(modules[name]).__module__.startswith("torch.nn")]
    own = [name for name in own if any(modules[name].children())] or own
    types = Counter(type(modules[name]) for name in own) or Counter([nn.MaxPool2d])
    sides = _sides(module, traced.graph, resolution)
    rarest_first = [kind for kind, times in types.most_common() if times > 1][::-1]
    last: dict[int, str] = {}
    for kind in rarest_first or types:
        last |= {sides[name]: name for name in row if type(modules[name]) is kind and name in sides}
    if len(last) < 2:
        raise UserError(
            f"{type(module).__name__}: its blocks cannot be found; name the modules that exits follow in "
            f"aep.exits, some of: {', '.join(row)}"
        )
    return tuple(sorted(last.values(), key=row.index)[-count:])


def _sides(module: nn.Module, graph: fx.Graph, resolution: int) -> dict[str, int]:
    """The side of the feature maps, in pixels, after each module called in `graph`."""
    recorder = _Recorder(fx.GraphModule(module, graph).eval())
    recorder.extra_traceback = False  # people get the message, without the graph
    try:
        with torch.inference_mode():
            recorder.run(torch.zeros(1, 3, resolution, resolution))
    except (RuntimeError, AssertionError) as error:
        raise UserError(
            f"images of {resolution} pixels do not go through {type(module).__name__}: {one_line(error)}"
        ) from None
    return recorder.sides


class _Recorder(fx.Interpreter):
    """Runs a graph and keeps the sides of square feature maps, wherever their channels are."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.sides: dict[str, int] = {}

    def call_module(self, target: object, args: object, kwargs: object) -> object:
        output = super().call_module(target, args, kwargs)  # type: ignore[arg-type]
        if isinstance(output, torch.Tensor) and output.ndim == 4:
            sides = Counter(output.shape[1:])
            side, times = sides.most_common(1)[0]
            if times > 1:
                self.sides[str(target)] = side
        return output
