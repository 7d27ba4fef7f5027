"""Parameters, MACs and latency of networks (thesis, section 3.3.4: the additional objectives)."""

from natv2.costs.latency import Latencies, LatencyConfig, measure
from natv2.costs.latency_table import LatencyTable
from natv2.costs.parts import MACS, PARAMS, Cost, architecture_cost
from natv2.costs.table import CostTable

__all__ = [
    "MACS",
    "PARAMS",
    "Cost",
    "CostTable",
    "Latencies",
    "LatencyConfig",
    "LatencyTable",
    "architecture_cost",
    "measure",
]
