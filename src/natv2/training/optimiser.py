"""Optimisers and the learning rate's course (thesis, sections 5.2.2 and 6.2.5)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import torch
from pytorch_optimizer import Ranger
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from natv2.devices import Precision

OptimiserName = Literal["sgd", "adam", "adamw", "ranger"]

WEIGHT_DECAYS: Mapping[str, float] = MappingProxyType({"adam": 0.0, "adamw": 0.01, "ranger": 0.0})
"""Defaults of the libraries, which the thesis leaves as they are (section 6.2.5)."""


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """An optimiser and its rate over `epochs`: a cosine after a linear warm-up, or constant.

    `momentum` is SGD's (Nesterov's). `max_gradient_norm` clips the norm of all gradients together.
    `precision` is what the forward passes compute in.
    """

    name: OptimiserName = "sgd"
    learning_rate: float
    epochs: int
    warmup_epochs: int = 0
    course: Literal["cosine", "constant"] = "cosine"
    momentum: float = 0.9
    weight_decay: float = 0.0
    max_gradient_norm: float | None = None
    precision: Precision = "auto"

    def rate(self, epoch: int, step: int, steps: int) -> float:
        """Learning rate at `step` of `steps` in `epoch`: a function of nothing else."""
        position, warmup = epoch * steps + step, self.warmup_epochs * steps
        if position < warmup:
            return self.learning_rate * (position + 1) / warmup
        if self.course == "constant":
            return self.learning_rate
        share = (position - warmup) / max(1, self.epochs * steps - warmup)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * share))


def make_optimiser(module: nn.Module, config: OptimiserConfig) -> Optimizer:
    """The optimiser of `module`'s parameters; batch norms and biases do not decay (facts, section 3)."""
    decayed = [p for p in module.parameters() if p.dim() > 1]
    plain = [p for p in module.parameters() if p.dim() <= 1]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    if config.name == "sgd":
        nesterov = config.momentum > 0
        return SGD(groups, lr=config.learning_rate, momentum=config.momentum, nesterov=nesterov, foreach=True)
    if config.name == "adam":
        return Adam(groups, lr=config.learning_rate, fused=True)  # four times as fast as foreach on a CPU
    if config.name == "adamw":
        return AdamW(groups, lr=config.learning_rate, foreach=True)
    # RAdam and Lookahead alone: later versions of Ranger centralise gradients too, the thesis's does not.
    return Ranger(groups, lr=config.learning_rate, use_gc=False)


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
