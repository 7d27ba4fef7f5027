"""Bounds that the networks of a search must keep: on their costs, and on their accuracy."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from natv2.objectives.objectives import ACCURACY


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What a constraint bounds, and from which side."""

    objective: str
    side: Literal["above", "below"]


BOUNDS: Mapping[str, Bound] = MappingProxyType(
    {
        "max_params": Bound(objective="params", side="above"),
        "max_macs": Bound(objective="macs", side="above"),
        "max_latency": Bound(objective="latency", side="above"),
        "min_accuracy": Bound(objective=ACCURACY, side="below"),
    }
)
"""The fields of `Constraints`."""


@dataclass(frozen=True, kw_only=True)
class Constraints:
    """What networks must keep: parameters, MACs, latency in ms, top-1 accuracy as a fraction.

    None bounds nothing. Raises ValueError where a bound is not positive: violations are relative to it.
    """

    max_params: float | None = None
    max_macs: float | None = None
    max_latency: float | None = None
    min_accuracy: float | None = None

    def __post_init__(self) -> None:
        """Refuse bounds that nothing is relative to."""
        for name, bound in self.active.items():
            if not bound > 0:
                raise ValueError(f"{name} {bound}: allowed are positive numbers")

    @property
    def active(self) -> dict[str, float]:
        """The constraints there are, in the order of BOUNDS."""
        given = {name: getattr(self, name) for name in BOUNDS}
        return {name: bound for name, bound in given.items() if bound is not None}

    def on_costs(self) -> "Constraints":
        """Those that are known before anything is trained: all but the accuracy's."""
        return replace(self, min_accuracy=None)

    def excess(self, values: pd.DataFrame) -> NDArray[np.float64]:
        """By how much each row of `values` is beyond each active bound, as a share of it: (N, C).

        At most 0 where the bound is kept. `values` has a column for each bounded objective.
        """
        columns = [
            (values[BOUNDS[name].objective] - bound) / (bound if BOUNDS[name].side == "above" else -bound)
            for name, bound in self.active.items()
        ]
        return np.array(columns, np.float64).reshape(len(columns), len(values)).T

    def violations(self, values: pd.DataFrame) -> NDArray[np.float64]:
        """Total violation (N,) of each row of `values`, as shares of the bounds: 0 where all are kept."""
        total: NDArray[np.float64] = np.maximum(self.excess(values), 0.0).sum(axis=1)
        return total

    def feasible(self, values: pd.DataFrame) -> NDArray[np.bool_]:
        """For each row of `values`, whether it keeps all bounds: (N,)."""
        kept: NDArray[np.bool_] = self.violations(values) == 0
        return kept

    def __str__(self) -> str:
        """As they are given on the command line."""
        return ", ".join(f"constraints.{name}={bound}" for name, bound in self.active.items())


UNCONSTRAINED = Constraints()
"""Every network is feasible."""
