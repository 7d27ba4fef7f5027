"""Predictors compared (thesis, sections 6.2.2 and 6.3.1)."""
