"""A piece of a supernet's networks, run by itself on several batches at a time."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from natv2.nn.layers import Head
from natv2.nn.moments import average, pointwise_moments, rows_of
from natv2.supernets.slots import Slots


class SupernetPart:
    """A piece of a network with tensors of its own: first it records its batch norms' statistics, then runs.

    `Supernet.record` and `Supernet.forward` do the same to whole networks, with the same numbers.
    """

    def __init__(self, slots: Slots, tensors: Mapping[str, Tensor]) -> None:
        self._slots, self._tensors = slots, tensors

    def record(self, batches: Sequence[Tensor]) -> list[Tensor]:
        """Run each of `batches` with its own statistics, and average these into this part's."""
        return self._run(batches, recording=True)

    def __call__(self, batches: Sequence[Tensor]) -> list[Tensor]:
        """Run `batches` with the statistics recorded."""
        return self._run(batches, recording=False)

    @torch.no_grad()
    def observe(self, batches: Sequence[Tensor]) -> None:
        """Record a head's statistics as `record` does up to rounding, without what nobody asks for."""
        head = self._slots.module
        assert isinstance(head, Head)
        try:
            self._slots.fill(self._tensors, training=True, recording=True)
            for x in batches:
                rows_MC = rows_of(x)
                mean_K, variance_K = pointwise_moments(rows_MC, head.expand.conv.weight.flatten(1))
                average(head.expand.norm, mean_K, variance_K, len(rows_MC))
        finally:
            self._slots.empty()

    def _run(self, batches: Sequence[Tensor], *, recording: bool) -> list[Tensor]:
        try:
            self._slots.fill(self._tensors, training=recording, recording=recording)
            return [self._slots.module(x) for x in batches]
        finally:
            self._slots.empty()
