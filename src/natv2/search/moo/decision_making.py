"""What a search returns of an archive: its non-dominated and high trade-off networks, its hypervolume."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymoo.indicators.hv import HV
from pymoo.util.nds.non_dominated_sorting import find_non_dominated
from scipy.spatial.distance import cdist

from natv2.objectives.objectives import Costs, normalise
from natv2.search.moo.survival import Indices

_RADIUS = 0.125
_MARGIN = 0.1


def non_dominated(costs: Costs) -> Indices:
    """Indices, ascending, of the rows of `costs` (N, M) that no other row dominates; equal rows stay."""
    indices: Indices = find_non_dominated(costs)
    return indices


def tradeoffs(front: Costs) -> NDArray[np.float64]:
    """Trade-off (N,) of each row of a non-dominated `front` (N, M), two rows and objectives or more.

    The least ratio of loss to gain among the moves to a neighbour, on objectives normalised to the
    front's ranges: large where every move costs much for what it gains (equations 3.1 to 3.3).
    Neighbours are the rows within a radius of 0.125, but the 2M nearest where these, with the row itself,
    are fewer than 2M. That count is pymoo's, and so it is that the cheapest neighbour counts, "to choose any
    of its neighbours" (the maximum that equation 3.3 prints would favour the front's ends), and that losses
    and gains are sums: with two objectives the same as averages. With none but equal neighbours: nan.
    """
    points = normalise(front)
    distance = cdist(points, points)
    least = min(2 * front.shape[1], len(front) - 1)
    # Counts and ranks include the row itself, at distance 0.
    reach = np.partition(distance, least, axis=1)[:, least]
    # Of two rows each has the other: pymoo would find the row itself enough.
    few = (distance <= _RADIUS).sum(axis=1) < max(least, 2)
    near = distance <= np.where(few, reach, _RADIUS)[:, None]
    change = points[None, :, :] - points[:, None, :]
    loss, gain = np.maximum(0, change).sum(axis=2), np.maximum(0, -change).sum(axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(near, loss / gain, np.nan)
    least_ratio: NDArray[np.float64] = np.fmin.reduce(ratio, axis=1)
    return least_ratio


def high_tradeoff(costs: Costs, count: int) -> Indices:
    """Indices of the `count` rows of `costs` (N, M) with the highest trade-off, highest first.

    Only non-dominated rows are meant: all of them where there are no more than `count`. With one
    objective there is no trade-off: the best row.
    """
    front = non_dominated(costs)
    if costs.shape[1] == 1:
        return front[:1]
    if len(front) < 2:
        return front
    # argsort puts nan last, whatever the sign.
    return front[np.argsort(-tradeoffs(costs[front]), kind="stable")[:count]]


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
