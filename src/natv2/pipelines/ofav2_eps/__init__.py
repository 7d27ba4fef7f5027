"""Training of a supernet by Extended Progressive Shrinking (thesis, chapter 5)."""

from natv2.pipelines.ofav2_eps.pipeline import create_pipeline

__all__ = ["create_pipeline"]
