"""Figures and tables made from data frames."""
