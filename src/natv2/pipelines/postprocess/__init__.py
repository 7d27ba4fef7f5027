"""Refinement of what the search found (thesis, section 6.1.5)."""
