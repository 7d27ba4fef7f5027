"""What the sections of several methods have in common: what `make_optimiser` and `recipe` read of them."""

from typing import Literal, Protocol

from pydantic import PositiveFloat, PositiveInt

from natv2.config import BatchSize, Config, Fraction, NotNegative
from natv2.exits.weightings import ExitWeighting
from natv2.training.schedule import RateSchedule

OptimiserName = Literal["sgd", "adam", "adamw", "ranger"]

Distillation = Literal["none", "e2e", "ens"]
"""What a subnet learns from: nothing, the teacher's exit at its own depth, the ensemble of all of them."""


class OptimiserConfig(Protocol):
    """An optimiser by its name; `momentum` is SGD's (Nesterov's).

    `max_gradient_norm` clips the norm of all gradients together.
    """

    @property
    def optimizer(self) -> str: ...  # noqa: D102
    @property
    def momentum(self) -> float: ...  # noqa: D102
    @property
    def weight_decay(self) -> float: ...  # noqa: D102
    @property
    def max_gradient_norm(self) -> float | None: ...  # noqa: D102


class SGDConfig(Config):
    """The fields of a section whose optimiser is SGD with Nesterov's momentum, and no other."""

    momentum: Fraction
    weight_decay: NotNegative
    max_gradient_norm: PositiveFloat | None

    @property
    def optimizer(self) -> str:
        """SGD."""
        return "sgd"


class RecipeConfig(Config):
    """How a network is fine-tuned (sections 6.1.5 and 6.2.5); `momentum` and `weight_decay` are SGD's.

    A network with several exits is trained jointly and judged as an ensemble, both by `exit_weighting`: the
    AEP-based method. One exit's weight is 1, whatever the weighting. `epochs`: those with the lowest
    validation loss ("found", after `patience` epochs without a lower one), or all of `max_epochs`.
    """

    exit_weighting: ExitWeighting
    optimizer: Literal["auto"] | OptimiserName
    lr: PositiveFloat
    momentum: Fraction
    weight_decay: NotNegative
    batch_size: BatchSize
    max_epochs: PositiveInt
    epochs: Literal["found", "all"]
    patience: PositiveInt

    @property
    def max_gradient_norm(self) -> None:
        """Nothing is clipped."""

    @property
    def schedule(self) -> RateSchedule:
        """A cosine over all of the epochs."""
        return RateSchedule(lr=self.lr, epochs=self.max_epochs)
