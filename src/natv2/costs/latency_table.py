"""Expected latency of every network of a search space: the sum of what its parts take."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from natv2.costs.table import look_up
from natv2.spaces.space import Codes, SearchSpace

_AXES = ("resolution", "width", "place", "choice")
_REST = -1  # the place of stem and head, whose choice is the exit


@dataclass(frozen=True, kw_only=True, eq=False)
class LatencyTable:
    """Milliseconds of each level by resolution, width, level and its code, and of stem and head by exit.

    `levels` (R, W, L, codes) is zero where a level is skipped; `rest` is (R, W, exits).
    """

    space: SearchSpace
    levels: NDArray[np.float64]
    rest: NDArray[np.float64]

    def __call__(self, codes: Codes) -> NDArray[np.float64]:
        """Milliseconds (N,) of encoded architectures (N, variables). Raises ValueError as `look_up` does."""
        return look_up(self.space, self.levels[..., None], self.rest[..., None], codes)[:, 0]

    def to_frame(self) -> pd.DataFrame:
        """A row an entry: indices of resolution, width, place (-1: stem, head) and choice, milliseconds."""
        parts = []
        for values, places in ((self.levels, True), (self.rest[:, :, None], False)):
            indices = np.indices(values.shape).reshape(4, -1)
            frame = pd.DataFrame(dict(zip(_AXES, indices, strict=True)), copy=True)
            frame["place"] = frame["place"] if places else _REST
            parts.append(frame.assign(milliseconds=values.ravel()))
        return pd.concat(parts, ignore_index=True)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, space: SearchSpace) -> "LatencyTable":
        """The table that `to_frame` wrote. Raises ValueError where it is not one of `space`."""
        grid = (len(space.resolutions), len(space.widths))
        levels = np.full((*grid, space.design.levels, int(space.upper[-1]) + 1), np.nan)
        rest = np.full((*grid, len(space.design.exits)), np.nan)
        rows: dict[str, Any] = {name: frame[name].to_numpy() for name in (*_AXES, "milliseconds")}
        r, w, place, choice, value = rows.values()
        of_level = place != _REST
        try:
            levels[r[of_level], w[of_level], place[of_level], choice[of_level]] = value[of_level]
            rest[r[~of_level], w[~of_level], choice[~of_level]] = value[~of_level]
        except IndexError as error:
            raise ValueError(f"this is no latency table of {space.design.label}: {error}") from None
        if np.isnan(levels).any() or np.isnan(rest).any():
            raise ValueError(f"this is no latency table of {space.design.label}: entries are missing")
        return cls(space=space, levels=levels, rest=rest)
