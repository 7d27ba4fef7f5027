"""Expected latency of every network of a search space: the sum of what its parts take."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from natv2.costs.table import look_up
from natv2.spaces.space import Codes, SearchSpace

_AXES = ("resolution", "width", "place", "choice")
_REST, _HEAD = -1, -2  # the places of stem and head, and of a head alone: their choice is the exit


@dataclass(frozen=True, kw_only=True, eq=False)
class LatencyTable:
    """Milliseconds of each level by resolution, width, level and its code, and of stem and head by exit.

    `levels` (R, W, L, codes) is zero where a level is skipped; `rest` is (R, W, exits). `heads`, of the same
    shape, is of a head beside a deeper one; tables of earlier versions have none.
    """

    space: SearchSpace
    levels: NDArray[np.float64]
    rest: NDArray[np.float64]
    heads: NDArray[np.float64] | None = None

    def __call__(self, codes: Codes) -> NDArray[np.float64]:
        """Milliseconds (N,) of encoded architectures (N, variables). Raises ValueError as `look_up` does."""
        heads = None if self.heads is None else self.heads[..., None]
        return look_up(self.space, self.levels[..., None], self.rest[..., None], heads, codes)[:, 0]

    def to_frame(self) -> pd.DataFrame:
        """A row an entry: indices of resolution, width, place and choice, milliseconds.

        The place of stem and head is -1, of a head alone -2.
        """
        parts = []
        for values, place in ((self.levels, None), (self.rest, _REST), (self.heads, _HEAD)):
            if values is None:
                continue
            values = values if place is None else values[:, :, None]
            indices = np.indices(values.shape).reshape(4, -1)
            frame = pd.DataFrame(dict(zip(_AXES, indices, strict=True)), copy=True)
            frame["place"] = frame["place"] if place is None else place
            parts.append(frame.assign(milliseconds=values.ravel()))
        return pd.concat(parts, ignore_index=True)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, space: SearchSpace) -> "LatencyTable":
        """The table that `to_frame` wrote. Raises ValueError where it is not one of `space`."""
        grid = (len(space.resolutions), len(space.widths))
        levels = np.full((*grid, space.design.levels, int(space.upper[-1]) + 1), np.nan)
        rest = np.full((*grid, len(space.design.exits)), np.nan)
        heads = np.full_like(rest, np.nan)
        rows: dict[str, Any] = {name: frame[name].to_numpy() for name in (*_AXES, "milliseconds")}
        r, w, place, choice, value = rows.values()
        of_level = place >= 0
        try:
            levels[r[of_level], w[of_level], place[of_level], choice[of_level]] = value[of_level]
            for values, at in ((rest, place == _REST), (heads, place == _HEAD)):
                values[r[at], w[at], choice[at]] = value[at]
        except IndexError as error:
            raise ValueError(f"this is no latency table of {space.design.label}: {error}") from None
        if np.isnan(levels).any() or np.isnan(rest).any():
            raise ValueError(f"this is no latency table of {space.design.label}: entries are missing")
        return cls(space=space, levels=levels, rest=rest, heads=None if np.isnan(heads).any() else heads)
