"""How networks are refined best (thesis, section 6.3.2)."""

from natv2.pipelines.postprocess_study.pipeline import create_pipeline

__all__ = ["create_pipeline"]
