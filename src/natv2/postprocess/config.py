"""Parameters of what refines a search's networks (thesis, section 6.1.5), and of the study of it (6.3.2)."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from natv2.config import BatchSize, Fraction, Model, NotNegative
from natv2.exits.weightings import Weighting
from natv2.training.optimiser import OptimiserName
from natv2.training.recipe import Epochs


class PostprocessParameters(Model):
    """Refinement of what the search found (section 6.1.5)."""

    finish: Literal["high_tradeoff", "front"]
    method: Literal["none", "standard", "aep", "both"]
    weighting: Weighting
    optimizer: Literal["auto"] | OptimiserName
    lr: PositiveFloat
    momentum: Fraction
    weight_decay: NotNegative
    batch_size: BatchSize
    max_epochs: PositiveInt
    epochs: Epochs
    patience: PositiveInt


class PostprocessStudyParameters(Model):
    """The grid of the optimisation study (section 6.3.2)."""

    optimizers: Annotated[tuple[OptimiserName, ...], Field(min_length=1, strict=False)]
    learning_rates: Annotated[tuple[PositiveFloat, ...], Field(min_length=1, strict=False)]
    weightings: Annotated[tuple[Weighting, ...], Field(strict=False)]
    networks: PositiveInt
