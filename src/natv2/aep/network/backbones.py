"""The networks of section 4.2.1, and torchvision's others, as multi-exit networks."""

import copy
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.error import URLError

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from natv2.aep.network.exit_finding import find_exits
from natv2.aep.network.multi_exit import MultiExitNetwork, with_exits
from natv2.aep.network.names import BACKBONES, TORCHVISION
from natv2.errors import UserError
from natv2.files import one_line
from natv2.finished_network import Build
from natv2.own_network import imported, own_network

_EXITS = 4  # that are found where nobody names them


def multi_exit_network(
    name: str,
    classes: int,
    *,
    resolution: int,
    exits: Sequence[str] | None = None,
    count: int = _EXITS,
    pretrained: bool = False,
    build: Build | None = None,
) -> tuple[MultiExitNetwork, tuple[str, ...]]:
    """The network called `name` with its exits, and the names of the modules they follow.

    `name` is one of BACKBONES, any classifier of torchvision's, or a function of a person's own as
    package.module:function, which takes the number of classes (`build`, where given, takes its place).
    `exits` are names of modules; None takes those of the table, or finds `count` of them. Raises UserError
    where one of these is unknown or does not fit, a person's function does not build a classifier for so many
    classes, or weights cannot be had.
    """
    row = BACKBONES.get(name)
    if build is None and ":" not in name:
        module = _torchvision(row.model if row else name, classes, pretrained)
    elif pretrained:
        raise UserError(
            f"{name}: a network of your own brings its own weights, scenario=train starts from them"
        )
    else:
        module = own_network(name, build or imported(name), classes)
    names = tuple(exits or (row.exits if row else find_exits(module, count, resolution)))
    network = with_exits(module, names, resolution)
    _refuse_other_logits(name, network, classes, resolution)
    return network, names


def unfilled_network(
    name: str, classes: int, *, resolution: int, exits: Sequence[str] | None
) -> MultiExitNetwork:
    """The network that a file calls `name`, on the meta device: its tensors take no memory until given.

    It comes from our tables, and is never imported; exits None are those of `multi_exit_network`. Raises
    UserError where it is not there, or an exit is unknown.
    """
    if name not in (*BACKBONES, *TORCHVISION):
        raise UserError(
            f"network {one_line(repr(name))} is not one of natv2's, and what a file names is never imported; "
            "for a network of your own give the function that builds it: load_network(path, build)"
        )
    return copy.deepcopy(_unfilled(name, classes, resolution, tuple(exits or ())))


@lru_cache(maxsize=4)
def _unfilled(name: str, classes: int, resolution: int, exits: tuple[str, ...]) -> MultiExitNetwork:
    """Never filled itself: to find what follows each exit takes eight times as long as to copy it."""
    row = BACKBONES.get(name)
    with _Unfilled():
        module = _torchvision(row.model if row else name, classes, pretrained=False)
    module.to("meta")
    with torch.device("meta"):
        names = exits or (row.exits if row else find_exits(module, _EXITS, resolution))
        return with_exits(module, names, resolution)


class _Unfilled(TorchFunctionMode):
    """What layers take from `torch.empty`, their weights, goes to the meta device; small tables do not."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        more = {"device": "meta"} if func is torch.empty else {}
        return func(*args, **{**(kwargs or {}), **more})


def _refuse_other_logits(name: str, network: MultiExitNetwork, classes: int, resolution: int) -> None:
    with torch.inference_mode():
        logits = network.keep(network.exits[-1:]).eval()(torch.zeros(1, 3, resolution, resolution))[0]
    network.train()
    if logits.shape != (1, classes):
        found = " x ".join(map(str, logits.shape[1:]))
        raise UserError(
            f"network {name!r} gives {found} outputs for an image; one for each class is needed, {classes}"
        )


def _torchvision(model: str, classes: int, pretrained: bool) -> nn.Module:
    from torchvision.models import get_model  # takes seconds

    network: nn.Module = get_model(model, weights=None, num_classes=classes)
    if pretrained:
        _start_from(network, _imagenet(model))
    if model.startswith("vgg"):
        # The thesis replaces VGG's end, in its single-exit baseline too: pooling and a linear layer (4.2.1).
        features = _last_channels(network)
        network.avgpool = nn.AdaptiveAvgPool2d(1)
        network.classifier = nn.Linear(features, classes)
    return network


def _imagenet(model: str) -> nn.Module:
    """The network with torchvision's first weights for ImageNet, those of the thesis's time."""
    from torchvision.models import get_model, get_model_weights

    weights = get_model_weights(model)
    chosen = getattr(weights, "IMAGENET1K_V1", weights.DEFAULT)
    try:
        network: nn.Module = get_model(model, weights=chosen)
    except (URLError, OSError, RuntimeError) as error:
        raise UserError(
            f"the pretrained weights of {model} cannot be had ({one_line(error)}); put {chosen.url} into "
            f"{torch.hub.get_dir()}/checkpoints, or train from scratch with scenario=train"
        ) from None
    return network


@torch.no_grad()
def _start_from(network: nn.Module, trained: nn.Module) -> None:
    """Give `network` all weights of `trained` but the classifier's, which is for other classes."""
    given = trained.state_dict()
    for name, tensor in network.state_dict().items():
        if name in given and tensor.shape == given[name].shape:
            tensor.copy_(given[name])


def _last_channels(network: nn.Module) -> int:
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    return convolutions[-1].out_channels
