"""Figures and tables of AEP (thesis, section 4.3)."""
