"""How networks are refined best (thesis, section 6.3.2)."""
