"""Predictors of top-1 error: one interface, many methods (thesis, sections 3.3.2 and 6.2.2)."""
