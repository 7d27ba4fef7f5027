"""Refinement of what the search found (thesis, section 6.1.5)."""

from natv2.pipelines.postprocess.pipeline import create_pipeline

__all__ = ["create_pipeline"]
