"""Layers of classic networks that drop at random, with draws of their thread's own."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn
from torchvision.ops import StochasticDepth

from natv2.nn.dropout import Dropout, drop


class ThreadStochasticDepth(StochasticDepth):  # type: ignore[misc]
    """Drops whole images of a block's output, or all of them at once ("batch")."""

    def forward(self, x: Tensor) -> Tensor:
        """Map a tensor to one of the same shape, images along its first dimension."""
        images = len(x) if self.mode == "row" else 1
        return drop(x, self.p, (images, *[1] * (x.ndim - 1))) if self.training else x


_BUILD: Mapping[type[nn.Module], Callable[[Any], nn.Module]] = MappingProxyType(
    {
        nn.Dropout: lambda layer: Dropout(layer.p),
        StochasticDepth: lambda layer: ThreadStochasticDepth(layer.p, layer.mode),
    }
)


def replace_dropping(network: nn.Module) -> None:
    """Put layers that draw by thread, in place, where `network` has ones that draw from torch's generator.

    A person's own code may draw from that still.
    """
    for name, layer in list(network.named_modules(remove_duplicate=False)):
        if (build := _BUILD.get(type(layer))) is not None:
            network.set_submodule(name, build(layer).train(layer.training))
