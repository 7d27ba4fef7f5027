"""Costs of a network counted by hooks on its layers."""

from typing import Any

import torch
from torch import Tensor, nn


def costs_by_hooks(network: nn.Module, resolution: int) -> tuple[int, int]:
    """Parameters, and multiply-accumulates of its convolutions and linear layers for one image."""
    macs = 0

    def count(layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal macs
        if isinstance(layer, nn.Linear):
            macs += output.numel() * layer.in_features
        else:
            height, width = layer.kernel_size
            macs += output.numel() * layer.in_channels // layer.groups * height * width

    layers = [each for each in network.modules() if isinstance(each, nn.Conv2d | nn.Linear)]
    hooks = [each.register_forward_hook(count) for each in layers]
    with torch.no_grad():
        network(torch.zeros(1, 3, resolution, resolution))
    for hook in hooks:
        hook.remove()
    return sum(tensor.numel() for tensor in network.parameters()), macs
