"""Bounds that the networks of a search must keep: on their costs, and on their accuracy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, PositiveFloat

from natv2.config import Config
from natv2.objectives.objectives import ACCURACY, is_tested


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What a constraint bounds, and from which side."""

    objective: str
    side: Literal["above", "below"]


BOUNDS: Mapping[str, Bound] = {
    "max_params": Bound(objective="params", side="above"),
    "max_macs": Bound(objective="macs", side="above"),
    "max_latency": Bound(objective="latency", side="above"),
    "max_mean_macs": Bound(objective="mean_macs", side="above"),
    "max_mean_latency": Bound(objective="mean_latency", side="above"),
    "min_accuracy": Bound(objective=ACCURACY, side="below"),
    "min_macro_accuracy": Bound(objective="macro_accuracy", side="below"),
}
"""The fields of `Constraints`."""


def _whole(value: object) -> object:
    """5e6 is a whole number too, however YAML reads it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _number(value: object) -> object:
    """A whole number is a number too."""
    return float(value) if isinstance(value, int) else value


Amount = Annotated[int, Field(gt=0), BeforeValidator(_whole)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Constraints(Config):
    """What networks must keep: parameters, MACs, latency in ms, accuracy and macro accuracy as fractions.

    The means are over images, where these leave early. None bounds nothing. Bounds are positive: violations
    are relative to them.
    """

    max_params: Amount | None = None
    max_macs: Amount | None = None
    max_latency: PositiveFloat | None = None
    max_mean_macs: Annotated[PositiveFloat, BeforeValidator(_number)] | None = None
    max_mean_latency: PositiveFloat | None = None
    min_accuracy: Share | None = None
    min_macro_accuracy: Share | None = None

    @property
    def active(self) -> dict[str, float]:
        """The constraints there are, in the order of BOUNDS."""
        given = {name: getattr(self, name) for name in BOUNDS}
        return {name: bound for name, bound in given.items() if bound is not None}

    def within(self, others: Mapping[str, float]) -> Self:
        """These bounds, and of `others` (their names and values) those that these do not give."""
        return self.model_validate({**others, **self.active})

    def on_costs(self) -> Self:
        """Those that are known before anything is tested."""
        tested = [name for name, bound in BOUNDS.items() if is_tested(bound.objective)]
        return self.model_copy(update=dict.fromkeys(tested))

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
