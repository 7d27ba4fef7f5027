"""Classic networks with several exits (thesis, section 4.2.1)."""
