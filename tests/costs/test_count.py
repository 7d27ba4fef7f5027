"""Costs counted while a network runs, against hooks and against the table of our own networks' costs."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from natv2.costs.count import CountedCosts, counted_costs
from natv2.costs.parts import MACS, PARAMS, architecture_cost
from natv2.spaces.architecture import constant
from tests.hooks import costs_by_hooks
from tests.tiny import CLASSES, shared_supernet


class Mixed(nn.Module):
    """Groups, strides, dilation, biases, a linear layer used twice, an idle parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(3, 8, 5, stride=2, padding=1),
            nn.BatchNorm2d(8),
            nn.Conv2d(8, 8, 3, groups=8, bias=False),
            nn.Conv2d(8, 12, (1, 3), groups=4, dilation=2),
            nn.Hardswish(),
        )
        self.twice = nn.Linear(12, 12)
        self.last = nn.Linear(12, 4, bias=False)
        self.scale = nn.Parameter(torch.ones(7))

    def forward(self, x: Tensor) -> Tensor:
        features = self.convolutions(x).mean(dim=(2, 3))
        logits: Tensor = self.last(self.twice(self.twice(features)))
        return logits


@pytest.mark.parametrize("resolution", [16, 21])
def test_counts_are_those_of_hooks(resolution):
    network = Mixed().eval()
    assert counted_costs(network, resolution) == costs_by_hooks(network, resolution)


def test_counts_by_hand():
    # 16 px: 5 x 5, stride 2, padding 1: 7 x 7; 3 x 3: 5 x 5; (1, 3) dilated by 2: 5 x 1.
    macs = 7 * 7 * 8 * 3 * 25 + 5 * 5 * 8 * 9 + 5 * 1 * 12 * 2 * 3 + 2 * 12 * 12 + 12 * 4
    params = (8 * 75 + 8) + 16 + 8 * 9 + (12 * 2 * 3 + 12) + (144 + 12) + 48 + 7
    assert counted_costs(Mixed().eval(), 16) == CountedCosts(params, macs)


@pytest.mark.parametrize("name", ["OFAMobileNetV3", "EE_D_OFAMobileNetV3", "EE_DP_OFAMobileNetV3"])
def test_our_own_networks_cost_what_their_table_says(name):
    """So plain networks and ours are compared by one measure."""
    supernet = shared_supernet(name)
    design = supernet.design
    sizes: dict[str, Any] = {"resolution": 16, "width": 0.1, "depth": 3, "kernel": 5, "expand_ratio": 4}
    for exits in {design.exits[-1:], design.exits[:1], design.exits}:
        architecture = constant(design, exits=exits, mask=design.masks[-1], **sizes)
        known = architecture_cost(design, architecture, CLASSES)
        network = supernet.subnet(architecture)
        assert counted_costs(network, 16) == (known[PARAMS], known[MACS])


def test_counting_leaves_no_trace():
    network = Mixed().eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    counted_costs(network, 16)
    assert not network.training and all(each.grad is None for each in network.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
