"""Supernets, widths, teachers and schedules side by side (thesis, Tables 5.3 and 5.4)."""
