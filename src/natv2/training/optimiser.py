"""Optimisers by name, and what they remember (thesis, sections 5.2.2 and 6.2.5)."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from natv2.training.config import OptimiserConfig

Groups = list[dict[str, Any]]
"""Parameters with their weight decay."""

WEIGHT_DECAYS: Mapping[str, float] = {"adam": 0.0, "adamw": 0.01, "ranger": 0.0}
"""Defaults of the libraries, which the thesis leaves as they are (section 6.2.5)."""


def _sgd(groups: Groups, lr: float, momentum: float) -> Optimizer:
    return SGD(groups, lr=lr, momentum=momentum, nesterov=momentum > 0, foreach=True)


def _ranger(groups: Groups, lr: float, _: float) -> Optimizer:
    from pytorch_optimizer import Ranger  # takes seconds

    # RAdam and Lookahead alone: later versions of Ranger centralise gradients too, the thesis's does not.
    return Ranger(groups, lr=lr, use_gc=False)


_OPTIMISERS: Mapping[str, Callable[[Groups, float, float], Optimizer]] = {
    "sgd": _sgd,
    # Fused: four times as fast as foreach on a CPU.
    "adam": lambda groups, lr, _: Adam(groups, lr=lr, fused=True),
    "adamw": lambda groups, lr, _: AdamW(groups, lr=lr, foreach=True),
    "ranger": _ranger,
}


def make_optimiser(module: nn.Module, config: OptimiserConfig, lr: float) -> Optimizer:
    """The optimiser of `module`'s parameters; batch norms and biases do not decay (docs/methods.md)."""
    trained = [p for p in module.parameters() if p.requires_grad]
    decayed = [p for p in trained if p.dim() > 1]
    plain = [p for p in trained if p.dim() <= 1]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return _OPTIMISERS[config.optimizer](groups, lr, config.momentum)


def optimiser_tensors(optimiser: Optimizer) -> dict[str, torch.Tensor]:
    """The optimiser's memory (momenta) as named tensors; hyperparameters are not part of it."""
    state = optimiser.state_dict()["state"]
    tensors = {
        f"{index}.{name}": value
        for index, values in state.items()
        for name, value in values.items()
        if isinstance(value, torch.Tensor)
    }
    # Ranger counts its steps in the groups of parameters.
    counted = {f"group.{i}.step": g["step"] for i, g in enumerate(optimiser.param_groups) if "step" in g}
    return tensors | {name: torch.tensor(steps) for name, steps in counted.items()}


def restore_optimiser(optimiser: Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Give `optimiser` the memory that `optimiser_tensors` took."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        if index != "group":
            state.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
    # Back in the order in memory of their parameters: fused optimisers rely on it without looking.
    for parameter, values in optimiser.state.items():
        for name, value in values.items():
            if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                values[name] = torch.empty_like(parameter).copy_(value)
    for number, group in enumerate(optimiser.param_groups):
        if f"group.{number}.step" in tensors:
            group["step"] = int(tensors[f"group.{number}.step"])
