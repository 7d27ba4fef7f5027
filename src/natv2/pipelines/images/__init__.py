"""A look at a data set before anything is trained on it."""

from natv2.pipelines.images.pipeline import create_pipeline

__all__ = ["create_pipeline"]
