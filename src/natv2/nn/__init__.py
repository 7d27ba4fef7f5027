"""Layers and blocks that networks are made of (thesis, sections 2.8 and 2.9.3)."""
