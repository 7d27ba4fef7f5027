"""The ensemble that the exits of a network make (thesis, Equation 4.3)."""

from collections.abc import Sequence

from torch import Tensor


def ensemble(logits: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Weighted sum of the exits' logits, each (N, classes): the ensemble's own logits."""
    first, *others = (weight * output for weight, output in zip(weights, logits, strict=True))
    for other in others:
        first = first + other
    return first
