"""Transfer of two supernets to new images, and the search in them (thesis, chapter 6)."""

from natv2.pipelines.natv2_search.pipeline import create_pipeline

__all__ = ["create_pipeline"]
