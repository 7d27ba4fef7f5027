"""The objectives beside accuracy, of any networks of a search space."""

from collections.abc import Callable

import pandas as pd

from natv2.costs.latency_table import LatencyTable
from natv2.costs.table import CostTable
from natv2.objectives.objectives import OBJECTIVES, KnownNetworks
from natv2.spaces.space import Codes, SearchSpace

CostsOf = Callable[[Codes], pd.DataFrame]
"""The objectives beside accuracy of canonical codes (N, V): a frame with N rows and a column for each."""


def space_costs(space: SearchSpace, classes: int, latency_table: pd.DataFrame) -> CostsOf:
    """What computes the costs of codes of `space`; latency where the table is not empty."""
    counts = CostTable(space=space, classes=classes)
    latencies = None if latency_table.empty else LatencyTable.from_frame(latency_table, space)

    def costs_of(codes: Codes) -> pd.DataFrame:
        milliseconds = None if latencies is None else latencies(codes)
        return known_costs(
            KnownNetworks(counts(codes), milliseconds, lambda: [space.decode(code) for code in codes])
        )

    return costs_of


def known_costs(networks: KnownNetworks) -> pd.DataFrame:
    """A column for each objective that is known of `networks`, a row for each of them."""
    found = {name: row.cost(networks) for name, row in OBJECTIVES.items() if row.cost is not None}
    return pd.DataFrame({name: values for name, values in found.items() if values is not None})
