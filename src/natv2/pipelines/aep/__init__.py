"""Anticipate, Ensemble and Prune (thesis, chapter 4)."""
