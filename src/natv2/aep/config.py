"""Parameters of Anticipate, Ensemble and Prune (thesis, chapter 4)."""

from collections.abc import Mapping
from hashlib import blake2b
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt, model_validator

from natv2.aep.network.backbones import check_network
from natv2.config import BatchSize, Count, Fraction, Model, NotNegative
from natv2.images.config import ImagesParameters
from natv2.training.optimiser import OptimiserName

NetworkName = Annotated[str, AfterValidator(check_network)]
Scenario = Literal["train", "finetune"]
Names = Annotated[tuple[str, ...], Field(min_length=2, strict=False)]

_VALID_FRACTIONS: Mapping[str, float] = MappingProxyType({"tiny_imagenet": 0.1})
"""Where Table 4.1 validates on another share than the later chapters."""


class StoppingParameters(Model):
    """What early stopping is calibrated for, one of both; None and None: the full ensemble's accuracy."""

    mean_cost: Annotated[float, Field(gt=0, le=1)] | None
    accuracy: Annotated[float, Field(gt=0, le=1)] | None

    @model_validator(mode="after")
    def _one_aim(self) -> Self:
        if self.mean_cost is not None and self.accuracy is not None:
            raise ValueError("mean_cost and accuracy cannot both be aimed at; leave one null")
        return self


class AepLatencyParameters(Model):
    """How latency is measured, for one image at once; threads None: those of the run."""

    threads: PositiveInt | None
    warm_up: Count
    repetitions: PositiveInt


class AepParameters(Model):
    """Training, pruning and measuring of a multi-exit network."""

    resolution: Annotated[int, Field(ge=8, le=1024)]
    exits: Names | None
    optimizer: OptimiserName
    lr: PositiveFloat
    weight_decay: NotNegative
    batch_size: BatchSize
    max_epochs: PositiveInt
    patience: PositiveInt
    losses: Literal["fixed", "learned"]
    outputs: Literal["fixed", "search"]
    diversity: Fraction
    pruning: Literal["accuracy", "front"]
    stopping: StoppingParameters
    evaluation_batch_size: PositiveInt
    latency: AepLatencyParameters

    def valid_fraction_of(self, dataset: str, images: ImagesParameters) -> float | None:
        """The share of `dataset` that validates: as asked for, else Table 4.1's, else its own (None)."""
        return images.valid_fraction or _VALID_FRACTIONS.get(dataset)

    def settings(self, training_images: int) -> str:
        """Eight digits for what changes a training and has no name in its table: rates, epochs, exits."""
        told = {"resolution", "losses", "outputs", "diversity"}
        later = {"pruning", "stopping", "evaluation_batch_size", "latency"}
        what = (self.model_dump_json(exclude=told | later), training_images)
        return blake2b(repr(what).encode(), digest_size=4).hexdigest()

    def extras(self) -> str:
        """What goes beyond the thesis, as text; "" for its own method."""
        told = {
            "losses": self.losses if self.losses != "fixed" else None,
            "outputs": self.outputs if self.outputs != "fixed" else None,
            "diversity": self.diversity or None,
        }
        return " ".join(f"{name}={value}" for name, value in told.items() if value is not None)
