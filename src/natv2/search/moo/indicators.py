"""Indicators of an archive: its hypervolume."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from pymoo.indicators.hv import HV

from natv2.objectives.objectives import Costs, normalise

_MARGIN = 0.1


@dataclass(frozen=True, kw_only=True)
class Hypervolume:
    """Hypervolume in units of the box between two points in cost space, fixed for a whole search.

    It grows above 1 where architectures get better than `ideal`; what is worse than `reference` adds nothing.
    """

    ideal: tuple[float, ...]
    reference: tuple[float, ...]

    @classmethod
    def from_archive(cls, costs: Costs) -> "Hypervolume":
        """The measure for a search whose initial archive has `costs` (N, M).

        The ideal point has the best value of each objective, the reference point lies a tenth of the
        range beyond the worst one, so that the ends of the front count too.
        """
        low, high = costs.min(axis=0), costs.max(axis=0)
        span = np.where(high > low, high - low, 1.0)
        return cls(ideal=tuple(low.tolist()), reference=tuple((high + _MARGIN * span).tolist()))

    def value(self, costs: Costs) -> float:
        """Volume that the rows of `costs` (N, M) dominate."""
        box = np.array([self.ideal, self.reference])
        return float(HV(ref_point=np.ones(costs.shape[1]))(normalise(costs, box)))

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values, to be recorded beside every value."""
        return {"ideal": list(self.ideal), "reference": list(self.reference)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Hypervolume":
        """The measure that `to_dict` wrote."""
        return cls(**{name: tuple(point) for name, point in values.items()})
