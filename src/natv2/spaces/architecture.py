"""One network of a supernet, as a value (thesis, sections 3.3.1 and 6.1.1)."""

from dataclasses import dataclass
from typing import Any

from natv2.spaces.design import (
    BLOCKS,
    BLOCKS_PER_STAGE,
    DEPTHS,
    EXITS,
    EXPAND_RATIOS,
    INVERTED_BOTTLENECK,
    KERNEL_SIZES,
    LEVEL_MASKS,
    STAGES,
)


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Everything that tells one network of a supernet from another, in canonical form.

    `depths` has one entry a stage; `kernels`, `expand_ratios` and `masks` one for each of the 20
    blocks. What no layer uses is 0: stages beyond the deepest exit, blocks beyond a stage's depth,
    kernel and expand ratio of a level without its inverted bottleneck. So two architectures are
    equal exactly when their networks and input sizes are.

    Raises ValueError where a value is none of those the supernets know.
    """

    resolution: int
    width: float
    exits: tuple[int, ...]
    depths: tuple[int, ...]
    kernels: tuple[int, ...]
    expand_ratios: tuple[int, ...]
    masks: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check every active value and clear the inactive ones."""
        if self.resolution < 1 or not self.width > 0:
            raise ValueError(f"resolution {self.resolution}, width {self.width}: both must be positive")
        if not self.exits or list(self.exits) != sorted(set(self.exits) & set(EXITS)):
            raise ValueError(f"exits {self.exits}: allowed are some of {EXITS}, ascending")
        if len(self.depths) != len(STAGES):
            raise ValueError(f"{len(self.depths)} depths: one for each of {len(STAGES)} stages is needed")
        for name in ("kernels", "expand_ratios", "masks"):
            if len(getattr(self, name)) != BLOCKS:
                raise ValueError(f"{len(getattr(self, name))} {name}: {BLOCKS} are needed")
        clear = object.__setattr__
        clear(self, "depths", tuple(d if s < self.deepest_exit else 0 for s, d in enumerate(self.depths)))
        active = [self.is_active(block) for block in range(BLOCKS)]
        clear(self, "masks", tuple(m if a else 0 for m, a in zip(self.masks, active, strict=True)))
        elastic = [bool(mask & INVERTED_BOTTLENECK) for mask in self.masks]
        for name in ("kernels", "expand_ratios"):
            values = zip(getattr(self, name), elastic, strict=True)
            clear(self, name, tuple(v if e else 0 for v, e in values))
        self._check("depth", self.depths[: self.deepest_exit], DEPTHS)
        self._check("mask", [m for m, a in zip(self.masks, active, strict=True) if a], LEVEL_MASKS)
        self._check("kernel", [k for k, e in zip(self.kernels, elastic, strict=True) if e], KERNEL_SIZES)
        ratios = [r for r, e in zip(self.expand_ratios, elastic, strict=True) if e]
        self._check("expand ratio", ratios, EXPAND_RATIOS)

    @staticmethod
    def _check(name: str, values: Any, allowed: tuple[int, ...]) -> None:
        wrong = sorted(set(values) - set(allowed))
        if wrong:
            raise ValueError(f"{name} {wrong[0]}: allowed are {allowed}")

    @property
    def deepest_exit(self) -> int:
        """Number of stages the network has."""
        return self.exits[-1]

    def is_active(self, block: int) -> bool:
        """Whether `block` (0 to 19) is part of the network."""
        return block % BLOCKS_PER_STAGE < self.depths[block // BLOCKS_PER_STAGE]

    @property
    def path(self) -> tuple[Any, ...]:
        """What the network computes before its heads: networks with equal paths share them."""
        return (self.resolution, self.width, self.depths, self.kernels, self.expand_ratios, self.masks)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values; `from_dict` reads them back."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in vars(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Architecture":
        """The architecture that `to_dict` wrote."""
        read: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in values.items()}
        return cls(**read)


def constant(
    *,
    resolution: int,
    width: float,
    exits: tuple[int, ...],
    depth: int,
    kernel: int,
    expand_ratio: int,
    mask: int,
) -> Architecture:
    """The architecture with one value of each elastic dimension throughout (section 5.3)."""
    return Architecture(
        resolution=resolution,
        width=width,
        exits=exits,
        depths=(depth,) * len(STAGES),
        kernels=(kernel,) * BLOCKS,
        expand_ratios=(expand_ratio,) * BLOCKS,
        masks=(mask,) * BLOCKS,
    )
