"""What no network of a space can keep, said before the search.

A cost is a sum: what resolution, width and exit cost, and what each level adds. So costs of any
kind (a table of parameters and MACs, or of latencies) are taken apart by asking for a few ten
thousand networks, and the network that violates constraints least is found exactly: for one
combination of resolution, width and exit after another, by dynamic programming over the levels.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise, product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from natv2.errors import UserError
from natv2.objectives.constraints import BOUNDS, UNCONSTRAINED, Constraints
from natv2.objectives.costs import CostsOf
from natv2.objectives.objectives import Costs
from natv2.search.moo.survival import Indices, non_dominated
from natv2.spaces.design import STAGES
from natv2.spaces.exit_codes import DEEPEST
from natv2.spaces.space import Codes, SearchSpace

_KEPT = 20_000
_DECIMALS = 3


def check_constraints(space: SearchSpace, costs_of: CostsOf, constraints: Constraints) -> Codes:
    """The canonical code (V,) of a network of `space` that keeps all constraints on costs.

    Raises UserError where a constrained cost is not among those of `costs_of`, or no network keeps a
    constraint, or all of them together; it gives the closest values that can be kept.
    """
    constraints = constraints.on_costs()
    smallest = space.encode(space.smallest())
    known = costs_of(smallest[None])
    for name, bound in constraints.active.items():
        if BOUNDS[name].objective not in known:
            raise UserError(
                f"constraints.{name}={bound}: this search knows no {BOUNDS[name].objective}; "
                f"add it to the objectives, which are accuracy and any of {', '.join(map(str, known))}"
            )
    alone = [UNCONSTRAINED.model_copy(update={name: bound}) for name, bound in constraints.active.items()]
    needed = [_relaxed(only, closest_network(space, costs_of, only), costs_of) for only in alone]
    failed = [(only, least) for only, least in zip(alone, needed, strict=True) if only != least]
    if failed:
        raise UserError(
            f"no network of {space.design.label} keeps "
            + ", nor ".join(f"{only} (the least that can be kept is {least})" for only, least in failed)
        )
    closest = closest_network(space, costs_of, constraints)
    if (least := _relaxed(constraints, closest, costs_of)) != constraints:
        raise UserError(
            f"networks of {space.design.label} keep each of {constraints}, but none was found that "
            f"keeps them together; what can be kept is {least}"
        )
    return closest


def _relaxed(constraints: Constraints, code: Codes, costs_of: CostsOf) -> Constraints:
    """`constraints` with those that the network of `code` (V,) violates moved to where it keeps them."""
    values = costs_of(code[None])
    beyond = constraints.excess(values)[0] > 0
    names = [name for name, violated in zip(constraints.active, beyond, strict=True) if violated]
    kept = {name: _rounded_up(values[BOUNDS[name].objective].item()) for name in names}
    return constraints.model_copy(update=kept)


def _rounded_up(value: float) -> float:
    """A number to type that is no less than `value`."""
    if isinstance(value, int) or value.is_integer():
        return int(value)
    scale: int = 10**_DECIMALS
    return math.floor(value * scale + 1) / scale


def closest_network(space: SearchSpace, costs_of: CostsOf, constraints: Constraints) -> Codes:
    """The canonical code (V,) of the network of `space` whose costs violate `constraints` least.

    Exact as long as a combination of resolution, width and exit has no more than 20,000
    non-dominated sums of costs (parameters and MACs have very few: the same choices are least in both);
    beyond, only the most promising sums are followed.
    """
    constraints = constraints.on_costs()
    columns = [BOUNDS[name].objective for name in constraints.active]
    if not columns:
        return space.encode(space.smallest())

    def violations(costs: Costs) -> NDArray[np.float64]:
        return constraints.violations(pd.DataFrame(costs, columns=columns))

    parts = _take_apart(space, costs_of, columns)
    rest = parts.least_rest(space.design.depths)
    # No network of a combination can do better than the least of each cost by itself.
    hope = violations(rest[:, 0] + parts.base)
    least, found = np.inf, parts.heads[:1, :0]
    for head in np.argsort(hope, kind="stable"):
        if hope[head] >= least:
            break
        sums = _sums_of(parts, head, rest[head], space.design.depths, violations, least)
        if len(sums.codes):  # sorted: the first violates least
            least = violations(sums.costs[:1])[0]
            found = np.concatenate([parts.heads[head], sums.codes[0]])
    return space.canonical(found)


# ── costs, taken apart ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, eq=False)
class _Parts:
    """What networks cost by their `heads` (G, first_level), the values of a code before its levels.

    `base` (G, M) is for the shallowest networks whose levels all have code 1, `levels`
    (G, S, D, codes, M) is what each level of each stage adds with code 1, 2, ... to what is before it.
    """

    heads: Codes
    base: Costs
    levels: Costs

    def least_rest(self, depths: tuple[int, ...]) -> Costs:
        """The least that each stage and all after it add, each cost by itself: (G, S + 1, M)."""
        shallow_to_deep = self.levels.min(axis=3).cumsum(axis=2)
        stages = shallow_to_deep[:, :, np.array(depths) - 1].min(axis=2)
        rest = np.flip(np.flip(stages, axis=1).cumsum(axis=1), axis=1)
        return np.concatenate([rest, np.zeros_like(rest[:, :1])], axis=1)


def _take_apart(space: SearchSpace, costs_of: CostsOf, columns: list[str]) -> _Parts:
    first, deepest = space.first_level, space.design.levels_per_stage
    lower, upper = space.lower, space.upper
    # Exits beside the deepest only add costs.
    values = [range(n + 1) if v <= DEEPEST else range(1) for v, n in enumerate(upper[:first])]
    heads = np.array(list(product(*values)), np.int64)
    # For each level the network up to it, and the same with each of the level's codes.
    asked = np.tile(lower, (space.design.levels, 1 + upper[-1], 1))
    for level, networks in enumerate(asked):
        start = first + level // deepest * deepest
        networks[:, start : first + level] = 1
        networks[1:, first + level] = np.arange(1, upper[-1] + 1)
    codes = np.tile(asked.reshape(-1, space.variables), (len(heads), 1, 1))
    codes[:, :, :first] = heads[:, None]
    frame = costs_of(space.canonical(codes.reshape(-1, space.variables)))[columns]
    costs = frame.to_numpy(np.float64).reshape(len(heads), *asked.shape[:2], len(columns))
    added = costs[:, :, 1:] - costs[:, :, :1]
    return _Parts(
        heads=heads,
        base=costs[:, 0, 0],
        levels=added.reshape(len(heads), len(STAGES), deepest, -1, len(columns)),
    )


# ── dynamic programming over the levels ──────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sums:
    """Costs (K, M) of the first levels of a network, with the `codes` (K, levels) they come from."""

    costs: Costs
    codes: Codes

    def take(self, indices: Indices) -> "_Sums":
        return _Sums(costs=self.costs[indices], codes=self.codes[indices])

    def front(self) -> "_Sums":
        """Those that no other dominates, each cost once."""
        once = self.take(np.unique(self.costs, axis=0, return_index=True)[1])
        return once.take(non_dominated(once.costs))

    def with_level(self, added: Costs) -> "_Sums":
        """The front of all with each choice of one more level, which adds `added` (codes, M)."""
        choices = _Sums(costs=added, codes=np.arange(1, len(added) + 1)[:, None]).front()
        number = len(choices.costs)
        codes = [np.repeat(self.codes, number, axis=0), np.tile(choices.codes, (len(self.codes), 1))]
        costs = (self.costs[:, None] + choices.costs).reshape(-1, added.shape[1])
        return _Sums(costs=costs, codes=np.concatenate(codes, axis=1)).front()

    def skipping_to(self, levels: int) -> "_Sums":
        """With further levels skipped, so that there are `levels`."""
        return replace(self, codes=np.pad(self.codes, ((0, 0), (0, levels - self.codes.shape[1]))))


def _sums_of(
    parts: _Parts,
    head: int,
    rest: Costs,
    depths: tuple[int, ...],
    violations: Callable[[Costs], NDArray[np.float64]],
    below: float,
) -> _Sums:
    """Non-dominated costs of whole networks of one head that violate less than `below`, the least first."""
    sums = _Sums(costs=parts.base[head][None], codes=np.zeros((1, 0), np.int64))
    for levels, (_, least) in zip(parts.levels[head], pairwise(rest), strict=True):
        end, ended = sums.codes.shape[1] + len(levels), []
        for depth, added in enumerate(levels, start=1):
            sums = sums.with_level(added)
            if depth in depths:
                ended.append(sums.skipping_to(end))
        sums = _Sums(
            costs=np.concatenate([s.costs for s in ended]), codes=np.concatenate([s.codes for s in ended])
        ).front()
        hope = violations(sums.costs + least)
        order = np.argsort(hope, kind="stable")
        sums = sums.take(order[hope[order] < below][:_KEPT])
    return sums
