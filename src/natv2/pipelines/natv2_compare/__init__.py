"""Supernets, presets and objectives of searches side by side (thesis, section 6.3.3)."""

from natv2.pipelines.natv2_compare.pipeline import create_pipeline

__all__ = ["create_pipeline"]
