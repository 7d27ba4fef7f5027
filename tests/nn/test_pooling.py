import pytest
import torch
from torch import nn

from natv2.nn.traced import GlobalAveragePool


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("shape", [(2, 3, 1, 1), (2, 5, 4, 4), (1, 8, 7, 3)])
def test_it_is_torchs_pooling(shape, memory_format):
    first, second = (
        torch.randn(shape, generator=torch.Generator().manual_seed(0))
        .contiguous(memory_format=memory_format)
        .requires_grad_()
        for _ in range(2)
    )
    theirs, ours = nn.AdaptiveAvgPool2d(1)(first), GlobalAveragePool()(second)
    assert ours.shape == theirs.shape
    assert torch.allclose(ours, theirs, atol=1e-6)
    for y in (theirs, ours):
        (y**2).sum().backward()
    assert torch.allclose(first.grad, second.grad, atol=1e-6)


def test_its_gradient_is_in_the_order_of_channels_last():
    in_order = []
    x = torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last).requires_grad_()
    features = x * 1
    features.register_hook(
        lambda gradient: in_order.append(gradient.is_contiguous(memory_format=torch.channels_last))
    )
    GlobalAveragePool()(features).square().sum().backward()
    assert in_order == [True]
