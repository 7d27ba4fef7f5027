"""Kedro's hooks of this project, which load what they need when a run begins, not with every command."""

import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

if TYPE_CHECKING:
    from natv2.runs.hooks import RunHooks


class LazyHooks:
    """Hands everything to `RunHooks`; a command that is refused has not loaded torch and MLflow."""

    @cached_property
    def hooks(self) -> "RunHooks":
        """What they do."""
        from natv2.runs.hooks import RunHooks

        return RunHooks()

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """As RunHooks."""
        self.hooks.after_context_created(context)

    @hook_impl
    def after_catalog_created(self, catalog: Any) -> None:
        """Name the layers of Kedro-Viz's drawing, which alone reads them."""
        if "kedro_viz.server" in sys.modules:
            from kedro.framework.project import pipelines

            from natv2.catalog.layers import name_layers

            name_layers(catalog, dict(pipelines))

    @hook_impl
    def before_pipeline_run(self, run_params: Any, pipeline: Any, catalog: Any) -> None:
        """As RunHooks."""
        self.hooks.before_pipeline_run(run_params, pipeline, catalog)

    @hook_impl
    def before_node_run(self, node: Any, catalog: Any, inputs: Any) -> Any:
        """As RunHooks."""
        return self.hooks.before_node_run(node, catalog, inputs)

    @hook_impl
    def after_node_run(self, node: Any) -> None:
        """As RunHooks."""
        self.hooks.after_node_run(node)

    @hook_impl
    def before_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """As RunHooks."""
        self.hooks.before_dataset_saved(dataset_name, data)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Any) -> None:
        """As RunHooks."""
        self.hooks.after_dataset_saved(dataset_name, data, node)

    @hook_impl
    def after_pipeline_run(self, run_params: Any, catalog: Any) -> None:
        """As RunHooks."""
        self.hooks.after_pipeline_run(run_params, catalog)

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """As RunHooks."""
        self.hooks.on_pipeline_error(error)
