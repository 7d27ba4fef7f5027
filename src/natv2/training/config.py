"""What the sections of several methods have in common: what `make_optimiser` and `recipe` read of them."""

from typing import Annotated, Literal, Protocol, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from natv2.config import (
    BatchSize,
    Config,
    GradientNorm,
    LabelSmoothing,
    LearningRate,
    Momentum,
    NotNegative,
    WarmupEpochs,
    WeightDecay,
)
from natv2.training.schedule import RateSchedule

OptimiserName = Literal["sgd", "adam", "adamw", "ranger"]

Distillation = Literal["none", "e2e", "ens"]
"""What a subnet learns from: nothing, the teacher's exit at its own depth, the ensemble of all of them."""


TEACHERS = ("auto", "none", "supernet", "plain")


def check_teacher(name: str) -> str:
    """`name`, if it may be what networks are distilled from. Raises ValueError where it is not."""
    if name not in TEACHERS and ":" not in name and not name.endswith(".safetensors"):
        own = "the .safetensors file of a finished network, or your own as package.module:function"
        raise ValueError(f"allowed are {', '.join(TEACHERS)}, {own}")
    return name


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

    momentum: Momentum
    weight_decay: WeightDecay
    max_gradient_norm: GradientNorm

    @property
    def optimizer(self) -> str:
        """SGD."""
        return "sgd"


class FullConfig(Config):
    """A whole schedule: the rate rises over `warmup_epochs`, then falls along a cosine until `epochs` end.

    `average` is the decay, a step, of the moving average of the weights that is handed over (None: the last
    weights); `mixup` and `cutmix` are the parameters of their Beta distributions (0: not used). Where classes
    are unequal `class_balance` weighs them in the loss or draws as many images of each. A teacher's soft
    labels count `kd_weight` times T² beside the labels, at the `temperature` T.
    """

    optimizer: Literal["sgd", "adamw"]
    lr: LearningRate
    momentum: Momentum
    weight_decay: WeightDecay
    max_gradient_norm: GradientNorm
    batch_size: BatchSize
    epochs: Annotated[int, Field(gt=0, description="epochs")]
    warmup_epochs: WarmupEpochs
    label_smoothing: LabelSmoothing
    average: Annotated[float, Field(gt=0, lt=1)] | None
    mixup: NotNegative
    cutmix: NotNegative
    class_balance: Literal["none", "weights", "sampling"]
    temperature: PositiveFloat
    kd_weight: NotNegative

    @model_validator(mode="after")
    def _warms_up_within(self) -> Self:
        assert self.schedule  # raises where it does not
        return self

    @property
    def schedule(self) -> RateSchedule:
        """The learning rate's."""
        return RateSchedule(lr=self.lr, epochs=self.epochs, warmup_epochs=self.warmup_epochs)


class RecipeConfig(Config):
    """How a network is fine-tuned (sections 6.1.5 and 6.2.5); `momentum` and `weight_decay` are SGD's.

    `epochs`: those with the lowest validation loss ("found", after `patience` epochs without a lower one), or
    all of `max_epochs`.
    """

    optimizer: Literal["auto"] | OptimiserName
    lr: LearningRate
    momentum: Momentum
    weight_decay: WeightDecay
    batch_size: BatchSize
    max_epochs: Annotated[int, Field(gt=0, description="epochs at most")]
    epochs: Literal["found", "all"]
    patience: PositiveInt

    @property
    def max_gradient_norm(self) -> None:
        """Nothing is clipped."""

    @property
    def schedule(self) -> RateSchedule:
        """A cosine over all of the epochs."""
        return RateSchedule(lr=self.lr, epochs=self.max_epochs)
