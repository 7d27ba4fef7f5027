"""Figures and tables of post-processing."""
