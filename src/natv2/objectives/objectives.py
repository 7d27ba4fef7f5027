"""What a search can optimise, and objectives as costs: numbers of which less is better."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from natv2.errors import UserError

Costs = NDArray[np.float64]
"""One architecture a row, one objective a column in the user's order, all minimised."""

ACCURACY = "accuracy"


@dataclass(frozen=True, kw_only=True)
class Objective:
    """How one objective is read: what is better, in which unit, under which name in figures."""

    direction: Literal["maximise", "minimise"]
    unit: str
    label: str


OBJECTIVES: Mapping[str, Objective] = MappingProxyType(
    {
        ACCURACY: Objective(direction="maximise", unit="fraction", label="Top-1 accuracy"),
        "params": Objective(direction="minimise", unit="parameters", label="Parameters"),
        "macs": Objective(direction="minimise", unit="MACs", label="MACs"),
        "latency": Objective(direction="minimise", unit="ms", label="Latency"),
    }
)


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

    Columns are found by name, so they stand in the order of `objectives` whatever the frame's order.
    Raises ValueError where a cost is not finite: nothing can be ranked by it.
    """
    columns = [errors if name == ACCURACY else others[name] for name in objectives]
    costs = np.stack([np.asarray(column, np.float64) for column in columns], axis=1)
    if not np.isfinite(costs).all():
        row, column = np.argwhere(~np.isfinite(costs))[0]
        raise ValueError(f"{objectives[column]} of architecture {row} is not a finite number")
    return costs


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
