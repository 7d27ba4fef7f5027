"""Batch norms folded into the convolutions before them: they are gone, and the network says the same."""

import copy
from collections.abc import Iterator
from typing import TypeVar

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

T = TypeVar("T", bound=nn.Module)


def fold_norms(network: nn.Module) -> int | None:
    """Fold, in place, each batch norm of `network` into the convolution that it alone follows.

    Gives how many parameters are fewer by that; None where the network cannot be traced, and stays as it is.
    It must be in evaluation mode.
    """
    try:
        graph = fx.Tracer().trace(network)
    except Exception:  # whatever a person's forward does with a symbolic image
        return None
    fewer = 0
    for place, norm_place in list(_pairs(network, graph)):
        convolution, norm = network.get_submodule(place), network.get_submodule(norm_place)
        assert isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
        # In double precision: what is multiplied here is multiplied again in every image.
        folded = fuse_conv_bn_eval(_double(convolution), _double(norm)).float()
        fewer += _parameters(convolution) + _parameters(norm) - _parameters(folded)
        network.set_submodule(place, folded)
        network.set_submodule(norm_place, nn.Identity())
    return fewer


def _pairs(network: nn.Module, graph: fx.Graph) -> Iterator[tuple[str, str]]:
    """Names of convolutions and of the batch norms that alone use what they give; each runs once."""
    modules = dict(network.named_modules(remove_duplicate=False))
    calls = [node for node in graph.nodes if node.op == "call_module"]
    runs = [id(modules[str(node.target)]) for node in calls]
    for node in calls:
        convolution, users = modules[str(node.target)], list(node.users)
        if type(convolution) is not nn.Conv2d or len(users) != 1 or users[0].op != "call_module":
            continue
        norm = modules[str(users[0].target)]
        alone = runs.count(id(convolution)) == runs.count(id(norm)) == 1
        if alone and type(norm) is nn.BatchNorm2d and norm.running_mean is not None:
            yield str(node.target), str(users[0].target)


def _double(layer: T) -> T:
    return copy.deepcopy(layer).double()


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
