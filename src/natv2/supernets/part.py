"""A piece of a supernet's networks, run by itself on several batches at a time."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from natv2.nn.layers import Head, track_statistics
from natv2.nn.moments import average, pointwise_moments, rows_of

_TENSORS = "module."  # what `_EachBatch` puts before the names of its module's tensors


class SupernetPart:
    """A piece of a network with tensors of its own: first it records its batch norms' statistics, then runs.

    `Supernet.record` and `Supernet.forward` do the same to whole networks, with the same numbers. To put
    tensors into a module takes as long as to run it on a few small maps: all batches are given at once.
    """

    def __init__(self, module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
        self._module = module
        self._tensors = {_TENSORS + name: tensor for name, tensor in tensors.items()}

    def record(self, batches: Sequence[Tensor]) -> list[Tensor]:
        """Run each of `batches` with its own statistics, and average these into this part's."""
        return self._run(batches, recording=True)

    def __call__(self, batches: Sequence[Tensor]) -> list[Tensor]:
        """Run `batches` with the statistics recorded."""
        return self._run(batches, recording=False)

    @torch.no_grad()
    def observe(self, batches: Sequence[Tensor]) -> None:
        """Record a head's statistics as `record` does up to rounding, without what nobody asks for."""
        assert isinstance(self._module, Head)
        self._module.train()
        track_statistics(self._module, True)
        expand = f"{_TENSORS}expand."
        needed = {name: tensor for name, tensor in self._tensors.items() if name.startswith(expand)}
        functional_call(_EachBatch(_Statistics(self._module)), needed, (batches,), tie_weights=False)

    def _run(self, batches: Sequence[Tensor], *, recording: bool) -> list[Tensor]:
        self._module.train(recording)
        track_statistics(self._module, recording)
        each = _EachBatch(self._module)
        result: list[Tensor] = functional_call(each, self._tensors, (batches,), tie_weights=False)
        return result


class _EachBatch(nn.Module):
    """Runs a module on one batch after the other."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, batches: Sequence[Tensor]) -> list[Tensor]:
        return [self.module(x) for x in batches]


class _Statistics(nn.Module):
    """Averages what a head's batch norm would see into its statistics, without running the head."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.expand = head.expand

    def forward(self, x: Tensor) -> None:
        rows_MC = rows_of(x)
        mean_K, variance_K = pointwise_moments(rows_MC, self.expand.conv.weight.flatten(1))
        average(self.expand.norm, mean_K, variance_K, len(rows_MC))
