"""Weights for networks that are only timed: they repeat, so that a zip of them is small."""

import torch
from torch import Tensor, nn

_PERIOD = 61  # values: few, for small layers too; a prime, so that no two channels are equal
_SHIFT = 0.1


@torch.no_grad()
def give_weights(module: nn.Module) -> None:
    """Give every layer of `module` memory, and values as large as those of trained ones.

    No time depends on values, but what is 0 is left out by exporters, and what vanishes is slow. Statistics
    of batch norms shift, since a trained one, folded, leaves a bias.
    """
    module.to_empty(device="cpu")
    for name, layer in module.named_modules():
        # Layers of other names have others, even of one shape: exporters keep equal tensors once.
        first = sum(name.rpartition(".")[2].encode())
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.weight.copy_(_repeated(layer.weight, first) / layer.weight[0].numel() ** 0.5)
            if layer.bias is not None:
                layer.bias.copy_(_SHIFT * _repeated(layer.bias))
        elif isinstance(layer, nn.BatchNorm2d):
            layer.reset_parameters()
            assert layer.running_var is not None
            layer.running_var.fill_(1 - layer.eps)  # folding multiplies by 1, wherever it is done
            layer.bias.copy_(_SHIFT * _repeated(layer.bias))


def _repeated(like: Tensor, first: int = 0) -> Tensor:
    values = torch.randn(_PERIOD, generator=torch.Generator().manual_seed(0)).roll(first)
    return values.repeat(-(-like.numel() // _PERIOD))[: like.numel()].view(like.shape)
