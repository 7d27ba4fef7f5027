"""Figures and tables of searches (thesis, section 6.3)."""
