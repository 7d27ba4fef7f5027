"""What determines a network with early exits beside its images (thesis, chapter 4)."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from natv2.aep.network.names import check_network
from natv2.config import (
    NO_DIGEST,
    BatchSize,
    Config,
    EvaluationBatchSize,
    Fraction,
    LearningRate,
    WeightDecay,
    digest,
)
from natv2.costs.config import LatencyConfig
from natv2.exits.weightings import ExitWeighting
from natv2.images.config import ImagesConfig
from natv2.training.config import OptimiserName
from natv2.training.schedule import ConstantRate

NetworkName = Annotated[str, AfterValidator(check_network)]
Scenario = Literal["train", "finetune"]
Names = Annotated[tuple[str, ...], Field(min_length=2, strict=False)]
Share = Annotated[float, Field(gt=0, le=1)]

_VALID_FRACTIONS: Mapping[str, float] = {"tiny_imagenet": 0.1}
"""Where Table 4.1 validates on another share than the later chapters."""


class StoppingConfig(Config):
    """What early stopping is calibrated for, one of both; None and None: the full ensemble's accuracy."""

    mean_cost: Share | None
    accuracy: Share | None

    @model_validator(mode="after")
    def _one_aim(self) -> Self:
        if self.mean_cost is not None and self.accuracy is not None:
            raise ValueError("mean_cost and accuracy cannot both be aimed at; leave one null")
        return self


class AepConfig(Config):
    """Training, pruning and measuring of a multi-exit network.

    The digest tells trainings apart. What happens after them, and what has a column of its own, is not in it.
    """

    resolution: Annotated[int, Field(ge=8, le=1024), NO_DIGEST]
    exits: Names | None
    optimizer: OptimiserName
    lr: LearningRate
    weight_decay: WeightDecay
    batch_size: BatchSize
    max_epochs: Annotated[int, Field(gt=0, description="epochs at most")]
    patience: PositiveInt
    losses: Annotated[Literal["fixed", "learned"], NO_DIGEST]
    outputs: Annotated[Literal["fixed", "search"], NO_DIGEST]
    diversity: Annotated[Fraction, NO_DIGEST]
    pruning: Annotated[Literal["accuracy", "front"], NO_DIGEST]
    stopping: Annotated[StoppingConfig, NO_DIGEST]
    evaluation_batch_size: EvaluationBatchSize
    latency: Annotated[LatencyConfig, NO_DIGEST]

    @property
    def momentum(self) -> float:
        """Nesterov's, of SGD."""
        return 0.9

    @property
    def max_gradient_norm(self) -> None:
        """Nothing is clipped."""

    @property
    def schedule(self) -> ConstantRate:
        """One rate in all epochs (section 4.2.5)."""
        return ConstantRate(lr=self.lr, epochs=self.max_epochs)

    def valid_fraction_of(self, dataset: str, images: ImagesConfig) -> float | None:
        """The share of `dataset` that validates: as asked for, else Table 4.1's, else its own (None)."""
        return images.valid_fraction or _VALID_FRACTIONS.get(dataset)

    def settings(self, training_images: int) -> str:
        """Eight digits for what changes a training and has no name in its table: rates, epochs, exits."""
        return digest(self, training_images)

    def extras(self) -> str:
        """What goes beyond the thesis, as text; "" for its own method."""
        told = {
            "losses": self.losses if self.losses != "fixed" else None,
            "outputs": self.outputs if self.outputs != "fixed" else None,
            "diversity": self.diversity or None,
        }
        return " ".join(f"{name}={value}" for name, value in told.items() if value is not None)


class AepTraining(Config):
    """A network, its exits' weights, where its training starts from, and how it goes."""

    network: NetworkName
    weights: ExitWeighting
    scenario: Scenario
    aep: AepConfig
