"""Architectures of the nine supernets as values, and their encodings (thesis, 3.3.1 and 6.1.1)."""
