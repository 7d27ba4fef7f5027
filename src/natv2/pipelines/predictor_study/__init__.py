"""Predictors compared (thesis, sections 6.2.2 and 6.3.1)."""

from natv2.pipelines.predictor_study.pipeline import create_pipeline

__all__ = ["create_pipeline"]
