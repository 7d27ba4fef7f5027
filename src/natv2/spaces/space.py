"""The search space: architectures as integer strings and one-hot vectors, and samples of both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from natv2.spaces.architecture import Architecture, constant
from natv2.spaces.design import (
    BLOCKS,
    BLOCKS_PER_STAGE,
    DEPTHS,
    EXPAND_RATIOS,
    INVERTED_BOTTLENECK,
    KERNEL_SIZES,
    STAGES,
    Design,
)

Codes = NDArray[np.int64]
"""Encoded architectures, one a row; or one of them, one-dimensional."""

Number = TypeVar("Number", int, float)

PAIRS = len(EXPAND_RATIOS) * len(KERNEL_SIZES)


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """All single-exit networks of a design over `resolutions` and `widths` (Figure 6.1).

    A code holds the resolution, the width, the exit (early-exit designs only), then one value for
    each of the 20 blocks: 0 skips it, otherwise 1 + 9·(mask - 1) + 3·idx(expand ratio) + idx(kernel),
    where the mask's part exists in parallel designs only. `resolutions` and `widths` are ascending.
    """

    design: Design
    resolutions: tuple[int, ...]
    widths: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse what is empty or not ascending."""
        for name, values in (("resolutions", self.resolutions), ("widths", self.widths)):
            if not values or list(values) != sorted(set(values)) or values[0] <= 0:
                raise ValueError(f"{name} {values}: allowed are positive numbers, ascending")

    @property
    def first_block(self) -> int:
        """Position of the first block in a code: behind resolution, width and, if any, exit."""
        return 3 if self.design.early_exits else 2

    @property
    def variables(self) -> int:
        """Length of a code: 22, or 23 with exits."""
        return self.first_block + BLOCKS

    @property
    def lower(self) -> Codes:
        """Smallest value of each variable: a stage's first two blocks cannot be skipped."""
        skippable = np.arange(BLOCKS) % BLOCKS_PER_STAGE >= min(DEPTHS)
        return np.concatenate([np.zeros(self.first_block, np.int64), 1 - skippable.astype(np.int64)])

    @property
    def upper(self) -> Codes:
        """Largest value of each variable, itself allowed."""
        choices = [len(self.resolutions), len(self.widths)]
        choices += [len(self.design.exits)] if self.design.early_exits else []
        blocks = [PAIRS * len(self.design.masks)] * BLOCKS
        return np.array([n - 1 for n in choices] + blocks, np.int64)

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

        Zeros move to the end of their stage, stages beyond the exit read 1 1 0 0, and a level
        without its inverted bottleneck has the first kernel and expand ratio.
        """
        self.check(codes)
        result = np.atleast_2d(codes).copy()
        blocks = result[:, self.first_block :].reshape(-1, len(STAGES), BLOCKS_PER_STAGE)
        order = np.argsort(blocks == 0, axis=-1, kind="stable")
        blocks = np.take_along_axis(blocks, order, axis=-1)
        if self.design.parallel:
            masks = np.asarray(self.design.masks)[np.maximum(blocks - 1, 0) // PAIRS]
            bare = (blocks > 0) & (masks & INVERTED_BOTTLENECK == 0)
            blocks = np.where(bare, (blocks - 1) // PAIRS * PAIRS + 1, blocks)
        beyond = np.arange(len(STAGES)) >= self._deepest(result)[:, None]
        blocks[beyond] = (1, 1, 0, 0)
        result[:, self.first_block :] = blocks.reshape(-1, BLOCKS)
        return result.reshape(codes.shape)

    def _deepest(self, codes: Codes) -> Codes:
        """Number of stages of each row of `codes`."""
        if self.design.early_exits:
            return codes[:, 2] + 1
        return np.full(len(codes), len(STAGES), np.int64)

    def decode(self, code: Codes) -> Architecture:
        """The architecture of one code. Raises ValueError where it leaves the bounds."""
        row = self.canonical(np.asarray(code, np.int64))
        blocks = row[self.first_block :]
        pairs, mask_index = (blocks - 1) % PAIRS, np.maximum(blocks - 1, 0) // PAIRS
        depths = (blocks.reshape(len(STAGES), BLOCKS_PER_STAGE) > 0).sum(axis=1)
        exit = self.design.exits[row[2]] if self.design.early_exits else self.design.exits[-1]
        return Architecture(
            resolution=self.resolutions[row[0]],
            width=self.widths[row[1]],
            exits=(exit,),
            depths=tuple(int(d) for d in depths),
            kernels=tuple(KERNEL_SIZES[p % len(KERNEL_SIZES)] for p in pairs),
            expand_ratios=tuple(EXPAND_RATIOS[p // len(KERNEL_SIZES)] for p in pairs),
            masks=tuple(self.design.masks[m] for m in mask_index),
        )

    def encode(self, architecture: Architecture) -> Codes:
        """The canonical code of `architecture`. Raises ValueError where it is not of this space."""
        if len(architecture.exits) != 1:
            raise ValueError(f"exits {architecture.exits}: only networks with one exit have a code")
        head = [
            _index("resolution", architecture.resolution, self.resolutions),
            _index("width", architecture.width, self.widths),
        ]
        exit = _index("exit", architecture.exits[0], self.design.exits)
        head += [exit] if self.design.early_exits else []
        blocks = [self._block_code(architecture, block) for block in range(BLOCKS)]
        return np.array(head + blocks, np.int64)

    def _block_code(self, architecture: Architecture, block: int) -> int:
        if not architecture.is_active(block):
            beyond = block // BLOCKS_PER_STAGE >= architecture.deepest_exit
            return int(beyond and block % BLOCKS_PER_STAGE < min(DEPTHS))
        mask = architecture.masks[block]
        code = 1 + PAIRS * _index("mask", mask, self.design.masks)
        if mask & INVERTED_BOTTLENECK:
            code += len(KERNEL_SIZES) * EXPAND_RATIOS.index(architecture.expand_ratios[block])
            code += KERNEL_SIZES.index(architecture.kernels[block])
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
        low = np.maximum(self.lower, np.arange(self.variables) >= self.first_block)
        codes = generator.integers(low, self.upper, size=(count, self.variables), endpoint=True)
        depths = generator.choice(DEPTHS, size=(count, len(STAGES)))
        position = np.arange(BLOCKS) % BLOCKS_PER_STAGE
        active = position < np.repeat(depths, BLOCKS_PER_STAGE, axis=1)
        codes[:, self.first_block :] *= active
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
            resolution=self.resolutions[end],
            width=self.widths[end] if width is None else width,
            exits=tuple(exits),
            depth=DEPTHS[end],
            kernel=KERNEL_SIZES[end],
            expand_ratio=EXPAND_RATIOS[end],
            mask=self.design.masks[end],
        )


def _index(name: str, value: Number, allowed: Sequence[Number]) -> int:
    if value not in allowed:
        raise ValueError(f"{name} {value}: allowed are {tuple(allowed)}")
    return allowed.index(value)
