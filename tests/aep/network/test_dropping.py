"""Layers that drop at random are the thread's, wherever a network has them."""

import torch
from torch import Tensor, nn
from torchvision.ops import StochasticDepth

from natv2.aep.network.multi_exit import with_exits
from natv2.nn.dropout import drawing_from
from tests.aep.tiny import NAMES, TinyNetwork


class Block(nn.Module):
    """A residual block that is dropped for some images."""

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.layer, self.depth = nn.Conv2d(12, 12, 3, padding=1), StochasticDepth(0.4, mode)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.depth(self.layer(x))


def network(mode: str) -> nn.Module:
    module = TinyNetwork()
    module.blocks[3] = nn.Sequential(module.blocks[3], Block(mode))
    return module


def test_no_draw_of_a_network_is_from_torchs_generator() -> None:
    for mode in ("row", "batch"):
        module = with_exits(network(mode), NAMES, 16).train()
        x, found = torch.randn(8, 3, 16, 16), []
        for seed in (1, 1, 2):
            torch.manual_seed(len(found))
            with drawing_from(torch.Generator().manual_seed(seed)):
                found.append(torch.stack(module(x)))
        assert torch.equal(found[0], found[1])
        assert not torch.equal(found[0], found[2])


def test_blocks_are_dropped_as_torchvision_drops_them() -> None:
    for mode in ("row", "batch"):
        theirs = StochasticDepth(0.4, mode)
        ours = with_exits(network(mode), NAMES, 16).stages[3].get_submodule("blocks.3.1.depth")
        assert type(ours) is not type(theirs)
        x = torch.randn(50, 3, 2, 2)
        torch.manual_seed(7)
        expected = theirs(x)
        with drawing_from(torch.Generator().manual_seed(7)):
            assert torch.equal(ours.train()(x), expected)
