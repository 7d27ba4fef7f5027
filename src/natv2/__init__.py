"""NATv2: the best small networks for your images, from once-for-all supernets with early exits."""

import os
from typing import Any

# No telemetry unless asked for: from 1.29 on ONNX Runtime reports its sessions to its maker, names of files
# among them, unless it finds this when it is loaded. Kedro's and MLflow's are stopped where commands start.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = ["load_network"]


def __getattr__(name: str) -> Any:
    # Loaded when it is asked for: torch takes seconds, and a mistyped command needs none of it.
    if name != "load_network":
        raise AttributeError(f"module 'natv2' has no attribute {name!r}")
    from natv2.finished_network import load_network

    return load_network
