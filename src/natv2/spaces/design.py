"""The nine supernets as data: what they are made of and what is elastic in them.

Thesis, Table 3.1 (backbone), Table 5.1 (the nine names), section 5.1.1 (what each flag means).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

Activation = Literal["relu", "hswish"]

BLOCK_BITS: Mapping[str, int] = {"inverted_bottleneck": 4, "pointwise": 2, "light": 1, "separable": 8}
"""The blocks a level may have in parallel, each with its bit in a level's mask (section 5.1.1).

A level sums its active blocks in this order. docs/blocks.md says how to add one.
"""

INVERTED_BOTTLENECK = BLOCK_BITS["inverted_bottleneck"]

IMAGE_CHANNELS = 3
STEM_STRIDE = 2

LIMITS: Mapping[str, tuple[int, int]] = {"kernels": (3, 31), "expand_ratios": (1, 32), "depths": (1, 16)}
"""The least and the most that elastic values may be: what is beyond is a slip of a file or a finger."""

WIDEST = 4
"""The largest width multiplier."""


@dataclass(frozen=True, kw_only=True)
class StagePlan:
    """One row of Table 3.1: what every block of a stage shares; only its first level strides."""

    channels: int
    stride: int
    activation: Activation
    squeeze_excite: bool


STAGES = (
    StagePlan(channels=24, stride=2, activation="relu", squeeze_excite=False),
    StagePlan(channels=40, stride=2, activation="relu", squeeze_excite=True),
    StagePlan(channels=80, stride=2, activation="hswish", squeeze_excite=False),
    StagePlan(channels=112, stride=1, activation="hswish", squeeze_excite=True),
    StagePlan(channels=160, stride=2, activation="hswish", squeeze_excite=True),
)
EXITS = tuple(range(1, len(STAGES) + 1))


@dataclass(frozen=True, kw_only=True)
class Design:
    """What a supernet is made of: a row of Table 5.1 and the values of what is elastic in it.

    `blocks` are those of each level, in parallel where there are several; `depths` count the levels of a
    stage. Kernels and expand ratios are those of the inverted bottleneck: without it there is one of each.
    Raises ValueError where a value cannot be built.
    """

    name: str
    early_exits: bool = False
    dense: bool = False
    blocks: tuple[str, ...] = ("inverted_bottleneck",)
    kernels: tuple[int, ...] = (3, 5, 7)
    expand_ratios: tuple[int, ...] = (3, 4, 6)
    depths: tuple[int, ...] = (2, 3, 4)

    def __post_init__(self) -> None:
        """Check the elastic values, and put the blocks into the order of their table."""
        unknown = [block for block in self.blocks if block not in BLOCK_BITS]
        if unknown or not self.blocks or len(set(self.blocks)) < len(self.blocks):
            raise ValueError(f"blocks {list(self.blocks)}: allowed are some of {list(BLOCK_BITS)}, each once")
        if not self.name.isidentifier():
            raise ValueError(f"name {self.name!r}: allowed are letters, digits and underscores")
        for name, limits in LIMITS.items():
            _ascending(name, getattr(self, name), *limits)
        if any(kernel % 2 == 0 for kernel in self.kernels):
            raise ValueError(f"kernels {list(self.kernels)}: allowed are odd numbers")
        if self.depths[-1] - self.depths[0] >= len(self.depths):  # a code may skip any level of a stage
            raise ValueError(
                f"depths {list(self.depths)}: none between the smallest and the largest may lack"
            )
        change = object.__setattr__
        change(self, "blocks", tuple(block for block in BLOCK_BITS if block in self.blocks))
        if "inverted_bottleneck" not in self.blocks:
            change(self, "kernels", self.kernels[-1:])
            change(self, "expand_ratios", self.expand_ratios[-1:])

    @property
    def parallel(self) -> bool:
        """Whether a level has blocks in parallel, any of which may be active."""
        return len(self.blocks) > 1

    @property
    def exits(self) -> tuple[int, ...]:
        """Exits a network of this design can have, counted from 1 as in the thesis."""
        return EXITS if self.early_exits else EXITS[-1:]

    @property
    def masks(self) -> tuple[int, ...]:
        """Activation states a level of this design can have, ascending."""
        return tuple(mask for mask in range(1, self.full_mask + 1) if mask & self.full_mask == mask)

    @property
    def full_mask(self) -> int:
        """Activation state of a level with all its blocks."""
        return sum(BLOCK_BITS[block] for block in self.blocks)

    @property
    def levels_per_stage(self) -> int:
        """Levels of the deepest stage."""
        return self.depths[-1]

    @property
    def levels(self) -> int:
        """Levels of the deepest network: 20 with the thesis's depths."""
        return len(STAGES) * self.levels_per_stage

    @property
    def label(self) -> str:
        """The name, with what differs from the supernet of that name in Table 5.1."""
        usual = DESIGNS.get(self.name, self)
        changed = [f.name for f in fields(self) if getattr(self, f.name) != getattr(usual, f.name)]
        return ", ".join([self.name, *(f"{name} {_listed(getattr(self, name))}" for name in changed)])

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values; `from_dict` reads them back."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | str) -> "Design":
        """The design that `to_dict` wrote, or (files of earlier versions) the row of that name."""
        given = asdict(DESIGNS[values]) if isinstance(values, str) else values
        read: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in given.items()}
        return cls(**read)


def _ascending(name: str, values: Sequence[int], lowest: int, highest: int) -> None:
    if not values or list(values) != sorted(set(values)) or values[0] < lowest or values[-1] > highest:
        raise ValueError(
            f"{name} {list(values)}: allowed are numbers from {lowest}, ascending, none twice, "
            f"up to {highest}"
        )


def _listed(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


_PREFIXES = {"B": (False, False), "D": (True, False), "P": (False, True), "DP": (True, True)}
_PARALLEL = ("inverted_bottleneck", "pointwise", "light")

DESIGNS: Mapping[str, Design] = {
    "OFAMobileNetV3": Design(name="OFAMobileNetV3"),
    **{
        f"{exits}_{prefix}_OFAMobileNetV3": Design(
            name=f"{exits}_{prefix}_OFAMobileNetV3",
            early_exits=exits == "EE",
            dense=dense,
            blocks=_PARALLEL if parallel else _PARALLEL[:1],
        )
        for exits in ("SE", "EE")
        for prefix, (dense, parallel) in _PREFIXES.items()
    },
}


def spelled_out(design: Any) -> Any:
    """`design` as `to_dict` gives it, where it is the name of a row; else as it is."""
    return DESIGNS[design].to_dict() if isinstance(design, str) and design in DESIGNS else design
