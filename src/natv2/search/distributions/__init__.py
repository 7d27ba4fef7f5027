"""Distributions of the best architectures' variables (thesis, section 3.3.4)."""
