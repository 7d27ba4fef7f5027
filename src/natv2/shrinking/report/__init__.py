"""Figures and tables of a supernet's training (thesis, section 5.3)."""
