"""What codes say of several exits: which are kept beside the deepest, and how they are used together.

After the deepest exit there is a 0 or 1 for each exit but the last, then the weighting of their outputs, then
how many images leave early: 0 for none, else the share's number.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from natv2.spaces.design import Design

Codes = NDArray[np.int64]
"""Encoded architectures, one a row; or one of them, one-dimensional."""

FIRST_WAY = "UNIF"
"""The weighting of one exit by itself."""

DEEPEST = 2
"""Position of the deepest exit in codes of designs with early exits."""


@dataclass(frozen=True, kw_only=True)
class ExitWays:
    """How the exits of a network may be used together: weightings of outputs, shares that leave early."""

    weightings: tuple[str, ...]
    leaving: tuple[float, ...]

    def choices(self, design: Design) -> list[int]:
        """How many values each variable has that comes after the deepest exit."""
        return [2] * (len(design.exits) - 1) + [len(self.weightings), 1 + len(self.leaving)]

    def of(self, code: Codes, design: Design) -> tuple[str, float | None]:
        """The weighting and the share that leaves early, if any, of the canonical `code` (V,)."""
        weighting, leaving = code[_others(design).stop :][:2]
        return self.weightings[weighting], self.leaving[leaving - 1] if leaving else None


def _others(design: Design) -> slice:
    """Where codes have the flags of exits beside the deepest."""
    return slice(DEEPEST + 1, DEEPEST + len(design.exits))


def exit_flags(codes: Codes, design: Design, ways: ExitWays | None) -> NDArray[np.bool_]:
    """For each of `codes` (N, V) and each exit of `design`, whether its network has it: (N, E)."""
    exits = np.arange(len(design.exits))
    if not design.early_exits:
        return np.ones((len(codes), 1), np.bool_)
    flags: NDArray[np.bool_] = exits == codes[:, DEEPEST, None]
    if ways is not None:
        flags[:, :-1] |= (codes[:, _others(design)] > 0) & (exits[:-1] < codes[:, DEEPEST, None])
    return flags


def kept_exits(code: Codes, design: Design, ways: ExitWays | None) -> tuple[int, ...]:
    """The exits of the network of `code` (V,), ascending."""
    (flags,) = exit_flags(code[None], design, ways)
    return tuple(exit for exit, kept in zip(design.exits, flags, strict=True) if kept)


def clear_exits(codes: Codes, design: Design) -> None:
    """Make what `codes` (N, V) say of exits canonical, in place: 0 is what no network depends on."""
    others = _others(design)
    beyond = np.arange(len(design.exits) - 1) >= codes[:, DEEPEST, None]
    codes[:, others] = np.where(beyond, 0, codes[:, others])
    alone = ~codes[:, others].any(axis=1)
    codes[alone, others.stop : others.stop + 2] = 0


def with_exits(codes: Codes, exits: Sequence[int], weighting: int, leaving: int, design: Design) -> Codes:
    """`codes` (N, V) with the `exits` kept, the last of them the deepest, used in a way by its numbers."""
    codes, others = codes.copy(), _others(design)
    codes[:, DEEPEST] = design.exits.index(exits[-1])
    codes[:, others] = [int(exit in exits[:-1]) for exit in design.exits[:-1]]
    codes[:, others.stop : others.stop + 2] = weighting, leaving
    return codes


def path_codes(codes: Codes, design: Design, ways: ExitWays | None) -> Codes:
    """`codes` (N, V) of the paths alone: with the deepest exit by itself."""
    if ways is None:
        return codes
    codes, others = codes.copy(), _others(design)
    codes[:, others.start : others.stop + 2] = 0
    return codes


def cut_after(codes: Codes, exit: int, design: Design) -> Codes:
    """`codes` (N, V) of what is computed for images that leave at `exit`, which they have: not canonical."""
    codes = codes.copy()
    codes[:, DEEPEST] = design.exits.index(exit)
    return codes
