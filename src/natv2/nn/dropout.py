"""Dropout whose draws are its thread's own: torch's generator is the whole process's."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

_GENERATOR: ContextVar[torch.Generator | None] = ContextVar("generator", default=None)


@contextmanager
def drawing_from(generator: torch.Generator) -> Iterator[None]:
    """Let `drop` draw from `generator` in this thread; elsewhere it draws from torch's own."""
    token = _GENERATOR.set(generator)
    try:
        yield
    finally:
        _GENERATOR.reset(token)


def drop(x: Tensor, share: float, shape: Sequence[int]) -> Tensor:
    """`x` with a `share` of it set to 0 and the rest made larger by as much; `shape` is that of the draws.

    Where `shape` has 1, all along that dimension is dropped as one. The draws are torch's (on a CPU).
    """
    if share == 0:
        return x
    kept = x.new_empty(shape).bernoulli_(1 - share, generator=_GENERATOR.get())
    return x * (kept.div_(1 - share) if share < 1 else kept)


class Dropout(nn.Dropout):
    """Sets a share `p` of all numbers to 0 in training."""

    def forward(self, x: Tensor) -> Tensor:
        """Map a tensor to one of the same shape."""
        return drop(x, self.p, x.shape) if self.training else x
