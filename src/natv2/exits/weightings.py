"""Weights of exits and the ensemble they make (thesis, section 4.2.3 and Equation 4.3)."""

from collections.abc import Sequence
from typing import Literal, get_args

from torch import Tensor

Weighting = Literal["DESC", "ASC", "MIX", "UNIF"]
WEIGHTINGS: tuple[Weighting, ...] = get_args(Weighting)


def exit_weights(weighting: Weighting, exits: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Weights of `exits` exits, the shallowest first, in the loss (α) and in the output (β).

    Linear, positive, summing to one (Table 4.2): i / (1 + … + N), ascending or descending; MIX has
    descending losses and ascending outputs; UNIF is 1/N.
    """
    total = exits * (exits + 1) / 2
    ascending = tuple(i / total for i in range(1, exits + 1))
    descending = ascending[::-1]
    uniform = (1 / exits,) * exits
    return {
        "DESC": (descending, descending),
        "ASC": (ascending, ascending),
        "MIX": (descending, ascending),
        "UNIF": (uniform, uniform),
    }[weighting]


def ensemble(logits: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Weighted sum of the exits' logits, each (N, classes): the ensemble's own logits."""
    first, *others = (weight * output for weight, output in zip(weights, logits, strict=True))
    for other in others:
        first = first + other
    return first
