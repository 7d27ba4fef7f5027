"""Parameters of the search (thesis, chapter 6)."""

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from natv2.config import (
    BatchSize,
    CalibrationParameters,
    Count,
    Fraction,
    Model,
    NotNegative,
    Place,
    Resolutions,
    one_of,
)
from natv2.exits.weightings import Weighting
from natv2.images.image_set import Sizes
from natv2.search.distributions.fitting import DistributionFit
from natv2.search.predictors.study_config import INSTALLED
from natv2.search.predictors.table import AUTO, PREDICTORS
from natv2.search.search import Growth, Proposal, Sampling


class WarmUpParameters(Model):
    """What is trained before the search (section 6.1.2)."""

    lr: PositiveFloat
    largest_epochs: Count
    supernet_epochs: Count
    subnets: PositiveInt


class AdaptationParameters(Model):
    """How the supernets are adapted in a turn of the search."""

    lr: PositiveFloat
    epochs: Count
    subnets: PositiveInt


class LatencyParameters(Model):
    """How latency is measured, where it is an objective or constrained; threads None: those of the run."""

    threads: PositiveInt | None
    batch: PositiveInt
    warm_up: Count
    repetitions: PositiveInt
    force: bool


class SearchParameters(Model):
    """The search for the best subnets (thesis, chapter 6); resolutions None: those of the data set."""

    init_from: Place | None
    resolutions: Resolutions | None
    batch_size: BatchSize
    kd_ratio: NotNegative
    dropout: Fraction
    momentum: Fraction
    weight_decay: NotNegative
    max_gradient_norm: PositiveFloat | None
    exit_weights: Weighting
    calibration: CalibrationParameters
    evaluation_batch_size: PositiveInt
    warm_up: WarmUpParameters
    sampling: Sampling
    growth: Growth
    archive_size: Annotated[int, Field(ge=4)]
    pre_processing: PositiveInt
    turns: PositiveInt
    patience: PositiveInt | None
    candidates: PositiveInt
    proposal: Proposal
    top: PositiveInt
    population: Annotated[int, Field(ge=4)]
    generations: Annotated[int, Field(ge=2)]  # the first is the archive's own
    predictor: Annotated[str, one_of({**PREDICTORS, "auto": AUTO}), INSTALLED]
    features: Literal["integer", "one_hot"]
    folds: Annotated[int, Field(ge=2)]
    distributions: DistributionFit
    adaptation: AdaptationParameters
    latency: LatencyParameters
    high_tradeoff: PositiveInt

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        limits = [("folds", "archive_size"), ("candidates", "population")]
        # An archive that grows may become larger than what is taken of it.
        limits += [("top", "archive_size")] if self.growth == "substitute" else []
        for name, limit in limits:
            if getattr(self, name) > getattr(self, limit):
                raise ValueError(
                    f"{name} ({getattr(self, name)}) must not be above {limit} ({getattr(self, limit)})"
                )
        if self.growth == "substitute" and self.candidates >= self.archive_size:
            raise ValueError(
                f"candidates ({self.candidates}) must be below archive_size ({self.archive_size}): "
                "they take the place of its worst"
            )
        return self

    def at(self, sizes: Sizes) -> Self:
        """These parameters with the resolutions that a data set is searched among, where none were given."""
        return self if self.resolutions else self.model_copy(update={"resolutions": sizes.searched})
