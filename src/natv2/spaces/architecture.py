"""One network of a supernet, as a value (thesis, sections 3.3.1 and 6.1.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from natv2.spaces.design import BLOCK_BITS, EXITS, INVERTED_BOTTLENECK, STAGES, Design

_BITS = sum(BLOCK_BITS.values())
_LISTS = ("depths", "kernels", "expand_ratios", "masks")


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Everything that tells one network of a supernet from another, in canonical form.

    `depths` has one entry a stage; `kernels`, `expand_ratios` and `masks` one for each level of each stage
    (4 times 5 in the thesis). What no layer uses is 0: stages beyond the deepest exit, levels beyond a
    stage's depth, kernel and expand ratio of a level without its inverted bottleneck. So two architectures
    of a design are equal exactly when their networks and input sizes are.

    Raises ValueError where a value is one that no supernet has; `check_member` asks a design.
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
        lengths = {len(self.masks), len(self.kernels), len(self.expand_ratios)}
        if len(lengths) > 1 or not self.masks or len(self.masks) % len(STAGES):
            raise ValueError(
                f"{len(self.masks)} masks, {len(self.kernels)} kernels, {len(self.expand_ratios)} expand "
                f"ratios: as many of each are needed, a multiple of {len(STAGES)}"
            )
        self._clear()
        most = self.levels_per_stage
        _refuse("depth", [d for d in self.depths[: self.deepest_exit] if not 1 <= d <= most], f"1 to {most}")
        active = [mask for level, mask in enumerate(self.masks) if self.is_active(level)]
        _refuse("mask", [m for m in active if not 0 < m <= _BITS], f"1 to {_BITS}")
        elastic = [level for level, mask in enumerate(self.masks) if mask & INVERTED_BOTTLENECK]
        kernels = [self.kernels[level] for level in elastic]
        _refuse("kernel", [k for k in kernels if k < 3 or k % 2 == 0], "odd numbers from 3")
        ratios = [self.expand_ratios[level] for level in elastic]
        _refuse("expand ratio", [r for r in ratios if r < 1], "numbers from 1")

    def _clear(self) -> None:
        """Set to 0 what no layer uses."""
        change = object.__setattr__
        change(self, "depths", tuple(d if s < self.deepest_exit else 0 for s, d in enumerate(self.depths)))
        change(self, "masks", tuple(m if self.is_active(level) else 0 for level, m in enumerate(self.masks)))
        elastic = [bool(mask & INVERTED_BOTTLENECK) for mask in self.masks]
        for name in ("kernels", "expand_ratios"):
            values = zip(getattr(self, name), elastic, strict=True)
            change(self, name, tuple(v if e else 0 for v, e in values))

    @property
    def deepest_exit(self) -> int:
        """Number of stages the network has."""
        return self.exits[-1]

    @property
    def levels_per_stage(self) -> int:
        """Levels that a stage can have."""
        return len(self.masks) // len(STAGES)

    def is_active(self, level: int) -> bool:
        """Whether `level` (from 0, of all stages) is part of the network."""
        stage, position = divmod(level, self.levels_per_stage)
        return position < self.depths[stage]

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


def described(architecture: Architecture) -> dict[str, object]:
    """What an architecture is, by the names of columns; lists are texts joined by "-".

    `exit` is the deepest; others are in no column of these: a row of `architecture_of` may have `kept`.
    """
    lists = {name: "-".join(str(v) for v in getattr(architecture, name)) for name in _LISTS}
    return {
        "resolution": architecture.resolution,
        "width": architecture.width,
        "exit": architecture.deepest_exit,
        **lists,
    }


def architecture_of(row: Mapping[str, Any]) -> Architecture:
    """The architecture that `described` gave a row of; with the exits of `kept`, where there are such."""
    kept = row.get("kept")
    exits = tuple(int(exit) for exit in kept.split("-")) if isinstance(kept, str) else (int(row["exit"]),)
    lists = {name: tuple(int(number) for number in row[name].split("-")) for name in _LISTS}
    return Architecture(resolution=int(row["resolution"]), width=float(row["width"]), exits=exits, **lists)


def constant(
    design: Design,
    *,
    resolution: int,
    width: float,
    exits: tuple[int, ...],
    depth: int,
    kernel: int,
    expand_ratio: int,
    mask: int,
) -> Architecture:
    """The architecture of `design` with one value of each elastic dimension throughout (section 5.3)."""
    return Architecture(
        resolution=resolution,
        width=width,
        exits=exits,
        depths=(depth,) * len(STAGES),
        kernels=(kernel,) * design.levels,
        expand_ratios=(expand_ratio,) * design.levels,
        masks=(mask,) * design.levels,
    )


def check_member(architecture: Architecture, design: Design) -> None:
    """Raise ValueError, with the value and what is there, where `design` has no such network."""
    if len(architecture.masks) != design.levels:
        raise ValueError(f"{len(architecture.masks)} levels: {design.label} has {design.levels}")
    for name, asked, there in (
        ("exits", architecture.exits, design.exits),
        ("depths", architecture.depths, design.depths),
        ("kernels", architecture.kernels, design.kernels),
        ("expand ratios", architecture.expand_ratios, design.expand_ratios),
        ("level masks", architecture.masks, design.masks),
    ):
        wrong = sorted({*asked} - {0, *there})
        if wrong:
            raise ValueError(f"{name} {wrong}: {design.label} has {there}")


def _refuse(name: str, wrong: list[int], allowed: str) -> None:
    if wrong:
        raise ValueError(f"{name} {wrong[0]}: allowed are {allowed}")
