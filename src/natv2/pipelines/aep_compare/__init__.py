"""Ensembles of exits against single-exit networks (thesis, section 4.3)."""

from natv2.pipelines.aep_compare.pipeline import create_pipeline

__all__ = ["create_pipeline"]
