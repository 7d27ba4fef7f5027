"""Ensembles of exits against single-exit networks (thesis, section 4.3)."""
