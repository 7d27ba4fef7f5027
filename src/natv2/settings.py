"""Settings of the Kedro project; light, since every command reads them first."""

import os
from typing import Any

# No telemetry unless asked for: Kedro's and MLflow's both heed this, and must see it before they start.
os.environ.setdefault("DO_NOT_TRACK", "true")

# Tables of other runs are small: a bar for each would be all that is seen.
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

# What torch's connections have to say of ranks that are gone is told in one sentence.
os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "FATAL")

from natv2.runs.folders import fitted
from natv2.runs.lazy_hooks import LazyHooks

HOOKS = (LazyHooks(),)

CONFIG_LOADER_ARGS: dict[str, Any] = {
    "base_env": "base",
    "default_run_env": "local",
    # An environment names only what differs, at any depth.
    "merge_strategy": {"parameters": "soft", "globals": "soft"},
    "custom_resolvers": {"fitted": fitted},
}
