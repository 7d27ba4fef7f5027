"""Finished networks, taken elsewhere."""
