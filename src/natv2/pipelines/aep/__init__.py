"""Anticipate, Ensemble and Prune (thesis, chapter 4)."""

from natv2.pipelines.aep.pipeline import create_pipeline

__all__ = ["create_pipeline"]
