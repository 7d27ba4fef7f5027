"""The learning rate's schedule: a function of epoch and step, and of nothing else (sections 5.2.2, 6.2.5)."""

import math
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from natv2.config import Config, Epochs, LearningRate, Subnets, WarmupEpochs


class RateSchedule(Config):
    """A rate that rises linearly over `warmup_epochs`, then falls along a cosine to the end of `epochs`.

    The warm-up lies inside the epochs.
    """

    shape: ClassVar[Literal["cosine", "constant"]] = "cosine"

    lr: LearningRate
    epochs: Epochs
    warmup_epochs: WarmupEpochs = 0

    @model_validator(mode="after")
    def _warms_up_within(self) -> Self:
        if self.warmup_epochs > self.epochs:
            raise ValueError(f"warmup_epochs ({self.warmup_epochs}) must not be above epochs ({self.epochs})")
        return self

    def rate(self, epoch: int, step: int, steps: int) -> float:
        """Learning rate at `step` of `steps` in `epoch`."""
        position, warmup = epoch * steps + step, self.warmup_epochs * steps
        if position < warmup:
            return self.lr * (position + 1) / warmup
        if self.shape == "constant":
            return self.lr
        share = (position - warmup) / max(1, self.epochs * steps - warmup)
        return self.lr * 0.5 * (1 + math.cos(math.pi * share))


class ConstantRate(RateSchedule):
    """A rate that stays, after the warm-up, if any."""

    shape = "constant"


class SubnetSchedule(RateSchedule):
    """A schedule with `subnets` drawn for each batch."""

    subnets: Subnets
