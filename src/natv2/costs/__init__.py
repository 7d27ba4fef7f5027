"""Parameters and MACs, exact and from a table (thesis, section 3.3.4: the additional objectives)."""

from natv2.costs.parts import MACS, PARAMS, Cost, architecture_cost
from natv2.costs.table import CostTable

__all__ = ["MACS", "PARAMS", "Cost", "CostTable", "architecture_cost"]
