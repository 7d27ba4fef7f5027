"""What ranks that train one module share: the sum of their gradients, step by step, in one message."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from natv2.ranks.world import world


class Losses(NamedTuple):
    """The loss of a step over the whole batch, and of each rank's slice (None: there is one rank)."""

    mean: Tensor
    each: Tensor | None = None

    def where_broken(self) -> str:
        """On which ranks it is not finite, as part of a sentence; "" where there is one rank."""
        if self.each is None:
            return ""
        names = [name for name, one in zip(world().names, self.each, strict=True) if not one.isfinite()]
        return f" on {', '.join(names)}" if names else ""


def sum_gradients(module: nn.Module, loss: Tensor, share: float) -> Losses:
    """Sum the gradients of all ranks, each counting its `share` of the batch, in place.

    What no subnet of the step has used has no gradient, on all ranks alike, and keeps none.
    """
    these = world()
    if these.size == 1:
        return Losses(loss)
    gradients = [_stretch(each.grad) for each in module.parameters() if each.grad is not None]
    # A place for the loss of each rank goes along.
    losses = torch.zeros(2 * these.size, device=loss.device, dtype=torch.float32)
    losses[these.rank], losses[these.size + these.rank] = loss, share
    if share == 0:  # 0 times what is not finite is not 0
        losses[these.rank] = 0
        for each in gradients:
            each.zero_()
    elif gradients and share != 1:
        torch._foreach_mul_(gradients, share)
    flat = these.sum(torch.cat([*gradients, losses]))
    pieces = torch.split(flat, [*(len(each) for each in gradients), len(losses)])
    if gradients:
        torch._foreach_copy_(gradients, list(pieces[:-1]))
    values, shares = pieces[-1].chunk(2)
    return Losses((values * shares).sum(), values)


def _stretch(gradient: Tensor) -> Tensor:
    """The memory of a dense gradient, in its own order: ranks have the same."""
    return gradient.as_strided((gradient.numel(),), (1,))


def average_buffers(module: nn.Module) -> None:
    """Give all ranks the mean of their running statistics, in place."""
    these = world()
    buffers = [each for each in module.buffers() if each.is_floating_point()]
    if these.size == 1 or not buffers:
        return
    flat = these.sum(torch.cat([each.reshape(-1) for each in buffers])) / these.size
    for each, piece in zip(buffers, torch.split(flat, [each.numel() for each in buffers]), strict=True):
        each.copy_(piece.view_as(each))
