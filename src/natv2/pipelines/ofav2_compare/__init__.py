"""Supernets, widths, teachers and schedules side by side (thesis, Tables 5.3 and 5.4)."""

from natv2.pipelines.ofav2_compare.pipeline import create_pipeline

__all__ = ["create_pipeline"]
