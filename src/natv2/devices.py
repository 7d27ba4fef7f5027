"""Where tensors live."""

import torch


def resolve_device(name: str) -> torch.device:
    """The device called `name`: cpu, cuda, or auto for a GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)
