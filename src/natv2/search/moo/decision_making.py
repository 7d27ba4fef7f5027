"""Decision making: the networks of a front with the best trade-off (thesis, equations 3.1 to 3.3)."""

import numpy as np
import scipy
from numpy.typing import NDArray

from natv2.objectives.objectives import Costs, normalise
from natv2.search.moo.survival import Indices, non_dominated

_RADIUS = 0.125


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
    distance = scipy.spatial.distance.cdist(points, points)
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
