"""Parameters and MACs of a multi-exit network's parts, and of every network it can be cut to."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from natv2.aep.network.multi_exit import MultiExitNetwork

KeptExits = tuple[int, ...]
"""Numbers of kept exits, ascending."""


@dataclass(frozen=True, kw_only=True)
class PartCosts:
    """A cost of each stage and of each exit's head, both in ascending order.

    What a cut network costs is the sum over its stages and its heads: it has nothing else.
    """

    exits: KeptExits
    stages: NDArray[np.float64]
    heads: NDArray[np.float64]

    def of(self, kept: KeptExits) -> float:
        """The cost of the network that keeps the exits `kept`."""
        heads = sum(self.heads[self.exits.index(exit)] for exit in kept)
        return float(self.stages[: kept[-1]].sum() + heads)

    def when_stopping(self) -> NDArray[np.float64]:
        """The cost of an image that leaves at each exit: the stages up to it and all heads on the way."""
        return np.array([self.of(self.exits[: index + 1]) for index in range(len(self.exits))])


def all_subsets(exits: KeptExits) -> list[KeptExits]:
    """Every non-empty subset of `exits`, smaller ones first: 127 of 7."""
    sizes = range(1, len(exits) + 1)
    return [subset for size in sizes for subset in combinations(exits, size)]


def parameter_costs(network: MultiExitNetwork) -> PartCosts:
    """Parameters of the parts of `network`; those of batch norms' running statistics are none."""
    return PartCosts(
        exits=network.exits,
        stages=_array(_parameters(stage) for stage in network.stages),
        heads=_array(_parameters(head) for head in network.heads.values()),
    )


@torch.inference_mode()
def mac_costs(network: MultiExitNetwork, resolution: int) -> PartCosts:
    """Multiply-accumulates of the parts of `network` for one image of `resolution` pixels a side.

    Convolutions and matrix products, as everywhere here. The network comes out in evaluation mode.
    """
    network.eval()
    x = torch.zeros(1, 3, resolution, resolution, device=next(network.parameters()).device)
    stages, heads = [], []
    for number, stage in enumerate(network.stages, start=1):
        x, macs = _macs(stage, x)
        stages.append(macs)
        if number in network.exits:
            heads.append(_macs(network.heads[str(number)], x)[1])
    return PartCosts(exits=network.exits, stages=_array(stages), heads=_array(heads))


def _macs(part: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, int]:
    from torch.utils.flop_counter import FlopCounterMode  # loads triton

    with FlopCounterMode(display=False) as counter:
        output = part(x)
    return output, counter.get_total_flops() // 2


def _parameters(part: nn.Module) -> int:
    return sum(parameter.numel() for parameter in part.parameters())


def _array(values: Iterable[int]) -> NDArray[np.float64]:
    return np.array(list(values), np.float64)
