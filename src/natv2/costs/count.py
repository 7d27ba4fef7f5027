"""Costs of any network, counted while it runs."""

from typing import NamedTuple

import torch
from torch import nn


class CountedCosts(NamedTuple):
    """Parameters, and multiply-accumulate operations of its convolutions and linear layers for one image."""

    params: int
    macs: int


def counted_costs(network: nn.Module, resolution: int) -> CountedCosts:
    """What `network`, in evaluation mode, costs for one image of `resolution`."""
    from torch.utils.flop_counter import FlopCounterMode  # loads triton

    weight = next(network.parameters())
    x = torch.zeros(1, 3, resolution, resolution, device=weight.device)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(x)
    return CountedCosts(sum(p.numel() for p in network.parameters()), counter.get_total_flops() // 2)
