"""Supernets, presets and objectives of searches side by side (thesis, section 6.3.3)."""
