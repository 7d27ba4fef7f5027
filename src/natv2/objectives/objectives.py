"""What networks are judged by: a row for each objective, which tables, figures, archives and searches read.

A new objective is one row, with the function that computes it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from natv2.costs.parts import MACS, PARAMS, Cost
from natv2.errors import UserError
from natv2.spaces.architecture import Architecture

Costs = NDArray[np.float64]
"""One architecture a row, one objective a column in the user's order, all minimised."""

ACCURACY = "accuracy"


@dataclass(frozen=True, eq=False)
class KnownNetworks:
    """What is known of N networks before they are tested, which costs are computed from.

    Parameters and MACs (N, 2), and milliseconds (N,), if measured; `decode` gives the networks themselves.
    """

    counted: Cost
    latency: NDArray[np.float64] | None
    decode: Callable[[], Sequence[Architecture]]

    @cached_property
    def architectures(self) -> Sequence[Architecture]:
        """What they are, decoded when it is asked for."""
        return self.decode()


@dataclass(frozen=True, kw_only=True)
class Objective:
    """How one objective is called, written, drawn, compared, kept, and computed.

    `format` is one of `natv2.reporting.fields.FORMATS`. `cost` gives a value for each of some networks, or
    None where this run does not know it, which wants a `dtype` of float. What has none is tested: accuracies,
    and the means over images, some of which leave early, of the cost that they are the `mean_of`. What is
    computed from latencies `needs_latency`.
    """

    title: str
    axis: str
    format: str
    dtype: type
    unit: str = ""
    direction: Literal["maximise", "minimise"] = "minimise"
    cost: Callable[[KnownNetworks], ArrayLike | None] | None = None
    prefix: str = ""
    mean_of: str | None = None
    needs_latency: bool = False

    @property
    def label(self) -> str:
        """The title with the unit that tables write values in: that of the values, or a multiple of it."""
        return _with_unit(self.title, self.prefix + self.unit)

    @property
    def plain_label(self) -> str:
        """The title with the unit of the values themselves."""
        return _with_unit(self.title, self.unit)


def _with_unit(title: str, unit: str) -> str:
    return f"{title} ({unit})" if unit else title


OBJECTIVES: dict[str, Objective] = {
    ACCURACY: Objective(
        title="Validation top-1",
        unit="%",
        axis="Validation top-1 (%)",
        format="percent",
        direction="maximise",
        dtype=float,
    ),
    "params": Objective(
        title="Parameters",
        axis="Parameters",
        format="amount",
        dtype=np.int64,
        cost=lambda networks: networks.counted[:, PARAMS],
    ),
    "macs": Objective(
        title="MACs",
        prefix="M",
        axis="Multiply-accumulates (MACs) for one image",
        format="millions",
        dtype=np.int64,
        cost=lambda networks: networks.counted[:, MACS],
    ),
    "latency": Objective(
        title="Latency",
        unit="ms",
        axis="Latency (ms)",
        format="hundredths",
        dtype=float,
        cost=lambda networks: networks.latency,
        needs_latency=True,
    ),
    "mean_macs": Objective(
        title="Mean MACs",
        prefix="M",
        axis="Multiply-accumulates (MACs) for an image on average",
        format="millions",
        dtype=float,
        mean_of="macs",
    ),
    "mean_latency": Objective(
        title="Mean latency",
        unit="ms",
        axis="Latency for an image on average (ms)",
        format="hundredths",
        dtype=float,
        mean_of="latency",
        needs_latency=True,
    ),
    "macro_accuracy": Objective(
        title="Validation macro accuracy",
        unit="%",
        axis="Validation macro accuracy (%)",
        format="percent",
        direction="maximise",
        dtype=float,
    ),
}

MEANS = {name: row.mean_of for name, row in OBJECTIVES.items() if row.mean_of is not None}
"""Means over images by the cost that they are of: only where images leave early do they differ from it."""


def lower_title(title: str) -> str:
    """A title within a sentence: parameters, MACs, mean MACs."""
    return title if title[1].isupper() else title[0].lower() + title[1:]


def in_whole_costs(networks: pd.DataFrame, costs: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """`networks` with each mean cost in the place of the cost that it is of, and the names of `costs` then.

    So networks that nobody leaves early stand beside those that cost as much on average.
    """
    means = {MEANS[name]: networks[name] for name in costs if name in MEANS}
    return networks.assign(**means), list(dict.fromkeys(MEANS.get(name, name) for name in costs))


def is_tested(name: str) -> bool:
    """Whether an objective is known of tested networks alone."""
    return OBJECTIVES[name].cost is None


def others(objectives: tuple[str, ...]) -> list[str]:
    """The costs among objectives, in their order."""
    return [name for name in objectives if OBJECTIVES[name].direction == "minimise"]


def first_cost(objectives: tuple[str, ...], default: str) -> str:
    """The first cost among objectives: what figures are drawn against; `default` where there is none."""
    return next(iter(others(objectives)), default)


def parse_objectives(text: str) -> tuple[str, ...]:
    """The objectives of a text such as `accuracy+macs`, in its order.

    Raises UserError where one is unknown or named twice, or accuracy, which guides the search, is missing.
    """
    names = tuple(name.strip() for name in text.split("+"))
    allowed = f"allowed are {', '.join(OBJECTIVES)}, joined by +, each once, {ACCURACY} always"
    for name in names:
        if name not in OBJECTIVES:
            raise UserError(f"objectives={text}: there is no objective '{name}'; {allowed}")
        if names.count(name) > 1:
            raise UserError(f"objectives={text}: '{name}' stands there twice; {allowed}")
    if ACCURACY not in names:
        raise UserError(f"objectives={text}: '{ACCURACY}' is missing; {allowed}")
    return names


def cost_matrix(errors: ArrayLike, others: pd.DataFrame, objectives: tuple[str, ...]) -> Costs:
    """Costs (N, M) from top-1 errors (N,), as fractions, and a frame with the other objectives.

    Columns are found by name, so they stand in the order of `objectives` whatever the frame's order; what is
    to be maximised is negated. Raises ValueError where a cost is not finite: nothing can be ranked by it.
    """
    columns = [errors if name == ACCURACY else _minimised(name, others) for name in objectives]
    costs = np.stack([np.asarray(column, np.float64) for column in columns], axis=1)
    if not np.isfinite(costs).all():
        row, column = np.argwhere(~np.isfinite(costs))[0]
        raise ValueError(f"{objectives[column]} of architecture {row} is not a finite number")
    return costs


def _minimised(name: str, values: pd.DataFrame) -> pd.Series:
    return -values[name] if OBJECTIVES[name].direction == "maximise" else values[name]


def as_costs(values: pd.DataFrame, objectives: tuple[str, ...]) -> Costs:
    """Costs (N, M) of a frame with a column for each objective; accuracy becomes top-1 error."""
    return cost_matrix(1.0 - values[ACCURACY], values, objectives)


def normalise(costs: Costs, like: Costs | None = None) -> Costs:
    """`costs` scaled so that the ranges of `like` (by default of `costs`) are 0 to 1.

    An objective that does not vary becomes 0 where it has that one value.
    """
    like = costs if like is None else like
    low, span = like.min(axis=0), np.ptp(like, axis=0)
    scaled: Costs = (costs - low) / np.where(span > 0, span, 1.0)
    return scaled
