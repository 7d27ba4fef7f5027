"""NATv2: the best small networks for your images, from once-for-all supernets with early exits."""

from typing import Any

__all__ = ["load_network"]


def __getattr__(name: str) -> Any:
    # Loaded when it is asked for: torch takes seconds, and a mistyped command needs none of it.
    if name != "load_network":
        raise AttributeError(f"module 'natv2' has no attribute {name!r}")
    from natv2.finished_network import load_network

    return load_network
