"""Refinement of the networks that a search found (thesis, section 6.1.5)."""
