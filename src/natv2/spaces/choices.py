"""Which values of the elastic dimensions may be chosen, and the networks with constant ones."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import product

from natv2.spaces.architecture import Architecture, constant
from natv2.spaces.design import Design


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The values of each elastic dimension that are unlocked."""

    kernels: tuple[int, ...]
    masks: tuple[int, ...]
    exits: tuple[int, ...]
    depths: tuple[int, ...]
    expand_ratios: tuple[int, ...]

    @classmethod
    def everything(cls, design: Design) -> "Choices":
        """All values that networks of `design` can have."""
        return cls(**{field.name: getattr(design, field.name) for field in fields(cls)})

    def extremes(self) -> "Choices":
        """Only the smallest and the largest of each."""
        return Choices(**{name: tuple(sorted({v[0], v[-1]})) for name, v in vars(self).items()})

    def largest(self) -> "Choices":
        """Only the largest of each."""
        return Choices(**{name: v[-1:] for name, v in vars(self).items()})

    def smallest(self) -> "Choices":
        """Only the smallest of each."""
        return Choices(**{name: v[:1] for name, v in vars(self).items()})


def combinations(
    design: Design, unlocked: Choices, *, resolutions: Sequence[int], width: float
) -> list[Architecture]:
    """The constant combinations of the unlocked values at each resolution, each once (section 5.3)."""
    grid = product(
        resolutions,
        unlocked.exits,
        unlocked.depths,
        unlocked.kernels,
        unlocked.expand_ratios,
        unlocked.masks,
    )
    every = (
        constant(design, resolution=r, width=width, exits=(x,), depth=d, kernel=k, expand_ratio=e, mask=m)
        for r, x, d, k, e, m in grid
    )
    return list(dict.fromkeys(every))
