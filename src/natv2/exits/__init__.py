"""Exit weights and ensemble arithmetic, used by every method (thesis, section 4.2.3)."""
