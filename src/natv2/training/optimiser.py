"""Optimisers and the learning rate's course (thesis, sections 5.2.2 and 6.2.5)."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from natv2.devices import Precision

ADAMW_WEIGHT_DECAY = 0.01
"""The default of torch, which the thesis leaves as it is (section 6.2.5)."""


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """An optimiser and its cosine schedule over `epochs`, after a linear warm-up.

    `momentum` is SGD's (Nesterov's). `max_gradient_norm` clips the norm of all gradients together.
    `precision` is what the forward passes compute in.
    """

    name: Literal["sgd", "adamw"] = "sgd"
    learning_rate: float
    epochs: int
    warmup_epochs: int = 0
    momentum: float = 0.9
    weight_decay: float = 0.0
    max_gradient_norm: float | None = None
    precision: Precision = "auto"

    def rate(self, epoch: int, step: int, steps: int) -> float:
        """Learning rate at `step` of `steps` in `epoch`: a function of nothing else."""
        position, warmup = epoch * steps + step, self.warmup_epochs * steps
        if position < warmup:
            return self.learning_rate * (position + 1) / warmup
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
    return AdamW(groups, lr=config.learning_rate, foreach=True)


def optimiser_tensors(optimiser: Optimizer) -> dict[str, torch.Tensor]:
    """The optimiser's memory (momenta) as named tensors; hyperparameters are not part of it."""
    state = optimiser.state_dict()["state"]
    return {
        f"{index}.{name}": value
        for index, values in state.items()
        for name, value in values.items()
        if isinstance(value, torch.Tensor)
    }


def restore_optimiser(optimiser: Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Give `optimiser` the memory that `optimiser_tensors` took."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
