"""Parameters and MACs, exact and from a table (thesis, section 3.3.4: the additional objectives)."""

from natv2.costs.table import MACS, PARAMS, Cost, CostTable, architecture_cost

__all__ = ["MACS", "PARAMS", "Cost", "CostTable", "architecture_cost"]
