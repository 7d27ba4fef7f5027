"""What `natv2_search` will take, before it is begun."""

from natv2.pipelines.natv2_plan.pipeline import create_pipeline

__all__ = ["create_pipeline"]
