"""The search space: architectures as integer strings and one-hot vectors, and samples of both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from natv2.spaces.architecture import Architecture, check_member, constant
from natv2.spaces.design import INVERTED_BOTTLENECK, STAGES, Design
from natv2.spaces.exit_codes import FIRST_WAY, Codes, ExitWays, clear_exits, kept_exits, path_codes

__all__ = ["Codes", "SearchSpace"]

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """All single-exit networks of a design over `resolutions` and `widths` (Figure 6.1).

    With `ways` all networks with any exits, used together in any of these ways.

    A code holds the resolution, the width, the exit (early-exit designs only; the deepest one, then what
    `ways` adds: `natv2.spaces.exit_codes`), then one value for each
    level of each stage: 0 skips it, otherwise 1 + pairs·idx(mask) + K·idx(expand ratio) + idx(kernel), with
    K kernels and `pairs` of kernel and expand ratio: 3 and 9 in the thesis, whose designs have 20 levels
    and, in parallel, masks 1 to 7. `resolutions` and `widths` are ascending.
    """

    design: Design
    resolutions: tuple[int, ...]
    widths: tuple[float, ...]
    ways: ExitWays | None = None

    def __post_init__(self) -> None:
        """Refuse what is empty or not ascending, and ways to use exits that there are not."""
        if self.ways is not None and not self.design.early_exits:
            raise ValueError(f"{self.design.label} has no early exits to use together")
        for name, values in (("resolutions", self.resolutions), ("widths", self.widths)):
            if not values or list(values) != sorted(set(values)) or values[0] <= 0:
                raise ValueError(f"{name} {values}: allowed are positive numbers, ascending")

    @property
    def first_level(self) -> int:
        """Position of the first level in a code: after resolution, width and all about exits, if any."""
        return 2 + len(self._exit_choices)

    @property
    def _exit_choices(self) -> list[int]:
        """How many values each variable about exits has."""
        if not self.design.early_exits:
            return []
        return [len(self.design.exits), *([] if self.ways is None else self.ways.choices(self.design))]

    @property
    def variables(self) -> int:
        """Length of a code: 22 in the thesis, or 23 with an exit."""
        return self.first_level + self.design.levels

    @property
    def pairs(self) -> int:
        """How many pairs of kernel and expand ratio there are."""
        return len(self.design.expand_ratios) * len(self.design.kernels)

    @property
    def lower(self) -> Codes:
        """Smallest value of each variable: the levels of the smallest depth cannot be skipped."""
        skippable = np.arange(self.design.levels) % self.design.levels_per_stage >= self.design.depths[0]
        return np.concatenate([np.zeros(self.first_level, np.int64), 1 - skippable.astype(np.int64)])

    @property
    def upper(self) -> Codes:
        """Largest value of each variable, itself allowed."""
        choices = [len(self.resolutions), len(self.widths), *self._exit_choices]
        levels = [self.pairs * len(self.design.masks)] * self.design.levels
        return np.array([n - 1 for n in choices] + levels, np.int64)

    # ── codes ────────────────────────────────────────────────────────────────────────────────

    def check(self, codes: Codes) -> None:
        """Raise ValueError where a code has another length or leaves the bounds."""
        if codes.shape[-1] != self.variables:
            raise ValueError(f"a code of {codes.shape[-1]} values: {self.design.name} has {self.variables}")
        outside = np.argwhere((codes < self.lower) | (codes > self.upper))
        if len(outside):
            at = outside[0]
            low, high = self.lower[at[-1]], self.upper[at[-1]]
            raise ValueError(f"value {codes[tuple(at)]} of variable {at[-1]}: allowed are {low} to {high}")

    def canonical(self, codes: Codes) -> Codes:
        """The code of the same network that `encode` gives, for each row of `codes`.

        Zeros move to the end of their stage, stages beyond the exit read as the smallest does (1 1 0 0 with
        the thesis's depths), and a level without its inverted bottleneck has the first kernel and ratio.
        There are no exits beyond the deepest, and an exit by itself is used in one way alone.
        """
        self.check(codes)
        design, pairs = self.design, self.pairs
        result = np.atleast_2d(codes).copy()
        levels = result[:, self.first_level :].reshape(-1, len(STAGES), design.levels_per_stage)
        order = np.argsort(levels == 0, axis=-1, kind="stable")
        levels = np.take_along_axis(levels, order, axis=-1)
        if design.parallel:
            masks = np.asarray(design.masks)[np.maximum(levels - 1, 0) // pairs]
            bare = (levels > 0) & (masks & INVERTED_BOTTLENECK == 0)
            levels = np.where(bare, (levels - 1) // pairs * pairs + 1, levels)
        beyond = np.arange(len(STAGES)) >= self._deepest(result)[:, None]
        levels[beyond] = np.arange(design.levels_per_stage) < design.depths[0]
        result[:, self.first_level :] = levels.reshape(-1, design.levels)
        if self.ways is not None:
            clear_exits(result, design)
        return result.reshape(codes.shape)

    def _deepest(self, codes: Codes) -> Codes:
        """Number of stages of each row of `codes`."""
        if self.design.early_exits:
            return codes[:, 2] + 1
        return np.full(len(codes), len(STAGES), np.int64)

    def paths(self, codes: Codes) -> Codes:
        """Canonical codes (N, V) of the paths of `codes`: with one exit each, the deepest."""
        return path_codes(codes, self.design, self.ways)

    def decode(self, code: Codes) -> Architecture:
        """The architecture of one code. Raises ValueError where it leaves the bounds."""
        design, row = self.design, self.canonical(np.asarray(code, np.int64))
        levels = row[self.first_level :]
        pairs, mask_index = (levels - 1) % self.pairs, np.maximum(levels - 1, 0) // self.pairs
        depths = (levels.reshape(len(STAGES), -1) > 0).sum(axis=1)
        return Architecture(
            resolution=self.resolutions[row[0]],
            width=self.widths[row[1]],
            exits=kept_exits(row, design, self.ways),
            depths=tuple(int(d) for d in depths),
            kernels=tuple(design.kernels[p % len(design.kernels)] for p in pairs),
            expand_ratios=tuple(design.expand_ratios[p // len(design.kernels)] for p in pairs),
            masks=tuple(design.masks[m] for m in mask_index),
        )

    def way(self, code: Codes) -> tuple[str, float | None]:
        """How the exits of the canonical `code` (V,) are used: weighting, share of images leaving early."""
        return (FIRST_WAY, None) if self.ways is None else self.ways.of(code, self.design)

    def encode(self, architecture: Architecture) -> Codes:
        """The canonical code of `architecture`, of several exits in the first of the ways to use them.

        Raises ValueError where it is not of this space.
        """
        if len(architecture.exits) != 1 and self.ways is None:
            raise ValueError(f"exits {architecture.exits}: only networks with one exit have a code")
        head = [
            _index("resolution", architecture.resolution, self.resolutions),
            _index("width", architecture.width, self.widths),
        ]
        *others, deepest = [_index("exit", exit, self.design.exits) for exit in architecture.exits]
        head += [deepest] if self.design.early_exits else []
        if self.ways is not None:
            head += [int(exit in others) for exit in range(len(self.design.exits) - 1)] + [0, 0]
        check_member(architecture, self.design)
        levels = [self._level_code(architecture, level) for level in range(self.design.levels)]
        return np.array(head + levels, np.int64)

    def _level_code(self, architecture: Architecture, level: int) -> int:
        design = self.design
        if not architecture.is_active(level):
            stage, position = divmod(level, design.levels_per_stage)
            return int(stage >= architecture.deepest_exit and position < design.depths[0])
        mask = architecture.masks[level]
        code = 1 + self.pairs * design.masks.index(mask)
        if mask & INVERTED_BOTTLENECK:
            code += len(design.kernels) * design.expand_ratios.index(architecture.expand_ratios[level])
            code += design.kernels.index(architecture.kernels[level])
        return code

    def one_hot(self, codes: Codes) -> NDArray[np.float64]:
        """Each variable of each row as a 0/1 vector over its values, side by side."""
        self.check(codes)
        parts = [
            np.equal.outer(codes[:, v], np.arange(low, high + 1))
            for v, (low, high) in enumerate(zip(self.lower, self.upper, strict=True))
        ]
        return np.concatenate(parts, axis=1).astype(np.float64)

    # ── samples ──────────────────────────────────────────────────────────────────────────────

    def sample_codes(self, count: int, generator: np.random.Generator) -> Codes:
        """Canonical codes, each variable drawn uniformly: NAT's way, biased to deep stages."""
        return self.canonical(
            generator.integers(self.lower, self.upper, size=(count, self.variables), endpoint=True)
        )

    def sample_architectures(self, count: int, generator: np.random.Generator) -> Codes:
        """Canonical codes with each stage's depth drawn evenly first (section 6.1.3)."""
        low = np.maximum(self.lower, np.arange(self.variables) >= self.first_level)
        codes = generator.integers(low, self.upper, size=(count, self.variables), endpoint=True)
        depths = generator.choice(self.design.depths, size=(count, len(STAGES)))
        position = np.arange(self.design.levels) % self.design.levels_per_stage
        active = position < np.repeat(depths, self.design.levels_per_stage, axis=1)
        codes[:, self.first_level :] *= active
        return self.canonical(codes)

    def largest(self, width: float | None = None, exits: Sequence[int] | None = None) -> Architecture:
        """The largest network at `width` (the widest by default), at the largest resolution.

        It has the last exit; `exits` asks for others: all of them make EPS's maximal network.
        """
        return self._extreme(-1, width, exits or self.design.exits[-1:])

    def smallest(self, width: float | None = None) -> Architecture:
        """The smallest network at `width` (the narrowest by default), at the smallest resolution."""
        return self._extreme(0, width, self.design.exits[:1])

    def _extreme(self, end: int, width: float | None, exits: Sequence[int]) -> Architecture:
        return constant(
            self.design,
            resolution=self.resolutions[end],
            width=self.widths[end] if width is None else width,
            exits=tuple(exits),
            depth=self.design.depths[end],
            kernel=self.design.kernels[end],
            expand_ratio=self.design.expand_ratios[end],
            mask=self.design.masks[end],
        )


def _index(name: str, value: Number, allowed: Sequence[Number]) -> int:
    if value not in allowed:
        raise ValueError(f"{name} {value}: allowed are {tuple(allowed)}")
    return allowed.index(value)
