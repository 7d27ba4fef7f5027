"""Parameters of Extended Progressive Shrinking (thesis, chapter 5)."""

from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from natv2.config import (
    BatchSize,
    CalibrationParameters,
    Count,
    Fraction,
    Model,
    NotNegative,
    Resolutions,
)
from natv2.exits.weightings import Weighting
from natv2.images.image_set import Sizes
from natv2.spaces.design import DESIGNS, Design

Values = Annotated[tuple[Annotated[int, Field(strict=True)], ...], Field(min_length=1, strict=False)]


class ElasticParameters(Model):
    """What varies within a supernet, and the blocks of parallel levels (None: the supernet's own)."""

    kernels: Values
    expand_ratios: Values
    depths: Values
    blocks: Annotated[tuple[str, ...], Field(min_length=2, strict=False)] | None

    def design(self, supernet: str) -> Design:
        """The design of `supernet` with these values. Raises ValueError where it cannot be built."""
        row = DESIGNS[supernet]
        if self.blocks is not None and not row.parallel:
            raise ValueError(
                f"blocks are those of parallel levels, which {supernet} does not have; "
                f"with them: {', '.join(name for name, design in DESIGNS.items() if design.parallel)}"
            )
        return replace(
            row,
            kernels=self.kernels,
            expand_ratios=self.expand_ratios,
            depths=self.depths,
            blocks=self.blocks or row.blocks,
        )


class _Course(Model):
    """How long a phase goes on, and its learning rate behind the warm-up."""

    lr: PositiveFloat
    epochs: Count | None
    warmup_epochs: Count

    @model_validator(mode="after")
    def _warms_up_within(self) -> Self:
        if self.epochs is not None and self.warmup_epochs > self.epochs:
            raise ValueError(f"warmup_epochs ({self.warmup_epochs}) must not be above epochs ({self.epochs})")
        return self


class PhaseParameters(_Course):
    """A row of Table 5.2; `subnets` are drawn for each batch."""

    epochs: Count
    subnets: PositiveInt


class FullPhaseParameters(PhaseParameters):
    """The first row of Table 5.2: the largest network alone."""

    subnets: Literal[0]


class WholePhaseParameters(_Course):
    """The one phase of a schedule without shrinking; epochs None: as much training as Table 5.2's rows."""

    subnets: Annotated[int, Field(ge=2)]


class PhasesParameters(Model):
    """Table 5.2, in the order in which a supernet goes through it; `whole` takes their place."""

    full: FullPhaseParameters
    kernel: PhaseParameters
    level_1: PhaseParameters
    level_2: PhaseParameters
    exit_1: PhaseParameters
    exit_2: PhaseParameters
    exit_3: PhaseParameters
    exit_4: PhaseParameters
    depth_1: PhaseParameters
    depth_2: PhaseParameters
    width_1: PhaseParameters
    width_2: PhaseParameters
    whole: WholePhaseParameters


class EpsParameters(Model):
    """Extended Progressive Shrinking (thesis, chapter 5); resolutions None: those of the data set."""

    resolutions: Resolutions | None
    batch_size: BatchSize
    kd_ratio: NotNegative
    label_smoothing: Fraction
    dropout: Fraction
    momentum: Fraction
    weight_decay: NotNegative
    max_gradient_norm: PositiveFloat | None
    exit_weights: Weighting
    calibration: CalibrationParameters
    evaluation: Literal["all", "extremes"]
    evaluation_batch_size: PositiveInt
    probes: Annotated[int, Field(ge=2)]
    phases: PhasesParameters

    def at(self, sizes: Sizes) -> Self:
        """These parameters with the resolutions that a data set is trained at, where none were given."""
        return self if self.resolutions else self.model_copy(update={"resolutions": sizes.trained})
