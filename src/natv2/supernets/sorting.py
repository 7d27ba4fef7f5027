"""Sorting of channels by importance, so that the first n are the best n (elastic width, OFA)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from natv2.nn.blocks import InvertedBottleneck
from natv2.nn.layers import ConvNorm, SqueezeExcite
from natv2.spaces.channels import expanded, squeezed
from natv2.supernets.supernet import Supernet


@torch.no_grad()
def sort_channels(supernet: Supernet, expand_ratios: Sequence[int]) -> None:
    """Sort the middle channels of every inverted bottleneck, in place; the largest network stays the same.

    Importance is the L1 norm of what the projection does with a channel. Channels move within the
    groups that `expand_ratios` make: (6,) is one group; with (4, 6) those of ratio 4 stay first.
    """
    for block in supernet.network.modules():
        if isinstance(block, InvertedBottleneck) and isinstance(block.expand, ConvNorm):
            _sort_block(block, [expanded(block.expand.conv.in_channels, e) for e in sorted(expand_ratios)])


def _sort_block(block: InvertedBottleneck, sizes: list[int]) -> None:
    assert isinstance(block.expand, ConvNorm)
    order = _order(block.project.conv.weight, sizes)
    for layer in (block.expand, block.depthwise):
        _permute(layer.conv, order, outputs=True)
        _permute(layer.norm, order, outputs=True)
    _permute(block.project.conv, order, outputs=False)
    if isinstance(block.squeeze_excite, SqueezeExcite):
        excite = block.squeeze_excite
        _permute(excite.reduce, order, outputs=False)
        _permute(excite.expand, order, outputs=True)
        order = _order(excite.expand.weight, [squeezed(size) for size in sizes])
        _permute(excite.reduce, order, outputs=True)
        _permute(excite.expand, order, outputs=False)


def _order(weight: Tensor, sizes: list[int]) -> Tensor:
    """Input channels of `weight` (out, in, 1, 1), most important first within each group."""
    importance = weight.abs().sum((0, 2, 3))
    starts = [0, *sizes[:-1]]
    groups = [
        start + importance[start:end].argsort(descending=True, stable=True)
        for start, end in zip(starts, sizes, strict=True)
    ]
    return torch.cat(groups)


def _permute(layer: nn.Module, order: Tensor, *, outputs: bool) -> None:
    """Reorder the output channels of `layer` (its bias too) or the input channels of its weight."""
    weight, bias = layer.weight, layer.bias
    assert isinstance(weight, Tensor)
    weight.copy_(weight[order] if outputs else weight[:, order])
    if outputs and isinstance(bias, Tensor):
        bias.copy_(bias[order])
