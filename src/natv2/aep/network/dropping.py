"""Layers of classic networks that drop at random, with draws of their thread's own."""

from torch import nn

from natv2.nn.dropout import Dropout


def replace_dropping(network: nn.Module) -> None:
    """Put layers that draw by thread, in place, where `network` has ones that draw from torch's generator.

    A person's own code may draw from that still.
    """
    for name, layer in list(network.named_modules(remove_duplicate=False)):
        if (own := _by_thread(layer)) is not None:
            network.set_submodule(name, own.train(layer.training))


def _by_thread(layer: nn.Module) -> nn.Module | None:
    if type(layer) is nn.Dropout:
        return Dropout(layer.p)
    if type(layer).__name__ == "StochasticDepth":
        from torchvision.ops import StochasticDepth  # takes seconds, and is there where its layers are

        from natv2.aep.network.stochastic_depth import ThreadStochasticDepth

        if type(layer) is StochasticDepth:
            return ThreadStochasticDepth(layer.p, layer.mode)
    return None
