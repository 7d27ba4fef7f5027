"""What `ofav2_eps` will take, before it is begun."""

from natv2.pipelines.ofav2_plan.pipeline import create_pipeline

__all__ = ["create_pipeline"]
