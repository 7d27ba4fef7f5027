"""Settings of the Kedro project."""

import os

# No telemetry unless asked for: Kedro's and MLflow's both heed this, and must see it before they start.
os.environ.setdefault("DO_NOT_TRACK", "true")

# Tables of other runs are small: a bar for each would be all that is seen.
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

from natv2.runs.checking import CONFIG_LOADER_ARGS
from natv2.runs.hooks import RunHooks

__all__ = ["CONFIG_LOADER_ARGS", "HOOKS"]

HOOKS = (RunHooks(),)
