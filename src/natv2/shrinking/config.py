"""What determines the training of a supernet beside its images (thesis, section 5.2.2, Table 5.2)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from natv2.config import (
    NO_DIGEST,
    BatchSize,
    Config,
    Count,
    Dropout,
    EvaluationBatchSize,
    KdRatio,
    LabelSmoothing,
    LearningRate,
    Place,
    Resolutions,
    WarmupEpochs,
    one_of,
)
from natv2.errors import UserError
from natv2.exits.weightings import ExitWeighting, ExitWeights, exit_weights
from natv2.images.config import CalibrationConfig
from natv2.images.datasets import Sizes
from natv2.shrinking.phases import Schedule, phases_of
from natv2.spaces.design import DESIGNS, Design
from natv2.training.config import Distillation, SGDConfig
from natv2.training.schedule import RateSchedule, SubnetSchedule

TeacherChoice = Literal["fixed", "progressive", "progressive_guarded"]
"""Whose largest network teaches: the full phase's, that of the phase before, or the better of both."""

Values = Annotated[tuple[Annotated[int, Field(strict=True)], ...], Field(min_length=1, strict=False)]


class ElasticConfig(Config):
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
        given = {name: value for name, value in self if value is not None}
        return replace(row, **given)


class FullPhaseConfig(RateSchedule):
    """The first row of Table 5.2: the largest network alone."""

    subnets: Annotated[Literal[0], Field(description="none but the largest")]


class SingleStageConfig(Config):
    """The one phase of a schedule without shrinking; epochs None: as much training as Table 5.2's rows."""

    lr: LearningRate
    epochs: Annotated[Count | None, Field(description="epochs")]
    warmup_epochs: WarmupEpochs
    subnets: Annotated[int, Field(ge=2, description="networks trained on each batch")]

    @model_validator(mode="after")
    def _warms_up_within(self) -> Self:
        if self.epochs is not None:
            RateSchedule(lr=self.lr, epochs=self.epochs, warmup_epochs=self.warmup_epochs)
        return self

    def resolved(self, passes: int) -> SubnetSchedule:
        """The phase, as long as `passes` of networks over all images where its epochs are not given.

        Raises UserError where its warm-up is longer.
        """
        epochs = max(1, round(passes / self.subnets)) if self.epochs is None else self.epochs
        if self.warmup_epochs > epochs:
            raise UserError(
                f"eps.phases.single_stage.warmup_epochs ({self.warmup_epochs}) must not be above the "
                f"{epochs} epochs that equal the other phases' training"
            )
        return SubnetSchedule.model_validate({**dict(self), "epochs": epochs})


class PhasesConfig(Config):
    """Table 5.2, in the order in which a supernet goes through it; `single_stage` takes their place."""

    full: FullPhaseConfig
    kernel: SubnetSchedule
    level_1: SubnetSchedule
    level_2: SubnetSchedule
    exit_1: SubnetSchedule
    exit_2: SubnetSchedule
    exit_3: SubnetSchedule
    exit_4: SubnetSchedule
    depth_1: SubnetSchedule
    depth_2: SubnetSchedule
    width_1: SubnetSchedule
    width_2: SubnetSchedule
    single_stage: SingleStageConfig


class EpsConfig(SGDConfig):
    """Extended Progressive Shrinking (thesis, chapter 5); resolutions None: those of the data set.

    `evaluation` is of all values of each elastic dimension after a phase, or of their extremes; `probes` is
    the number of subnets that are followed through all phases.
    """

    resolutions: Resolutions | None
    batch_size: BatchSize
    kd_ratio: KdRatio
    label_smoothing: LabelSmoothing
    dropout: Dropout
    exit_weighting: ExitWeighting
    calibration: CalibrationConfig
    evaluation: Annotated[Literal["all", "extremes"], NO_DIGEST]
    evaluation_batch_size: EvaluationBatchSize
    probes: Annotated[int, Field(ge=2), NO_DIGEST]
    phases: Annotated[PhasesConfig, NO_DIGEST]  # those that a design goes through are told


class Training(Config):
    """A supernet's training: what is trained, and how."""

    supernet: Annotated[str, one_of(DESIGNS)]
    schedule: Schedule
    teacher: TeacherChoice
    kd: Distillation
    init_from: Place | None
    elastic: ElasticConfig
    eps: EpsConfig

    @model_validator(mode="after")
    def _elastic_values_fit(self) -> Self:
        try:
            self.elastic.design(self.supernet)
        except ValueError as error:
            raise ValueError(f"elastic: {error}") from None
        return self

    @property
    def design(self) -> Design:
        """The supernet's design."""
        return self.elastic.design(self.supernet)

    @property
    def exit_weights(self) -> ExitWeights:
        """Weights of all exits of the design."""
        return exit_weights(self.eps.exit_weighting, len(self.design.exits))

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Ascending sizes in pixels; they must be known (`at`)."""
        assert self.eps.resolutions is not None
        return self.eps.resolutions

    def at(self, sizes: Sizes) -> Self:
        """This training with the resolutions that a data set is trained at, where none were given."""
        if self.eps.resolutions:
            return self
        return self.model_copy(update={"eps": self.eps.model_copy(update={"resolutions": sizes.trained})})

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases that the supernet goes through, in their order."""
        return phases_of(self.design, self.schedule)

    def phase(self, name: str) -> FullPhaseConfig | SubnetSchedule:
        """Rate, epochs and subnets of a phase."""
        found = getattr(self.eps.phases, name)
        if not isinstance(found, SingleStageConfig):
            return found  # type: ignore[no-any-return]  # a field of PhasesConfig
        return found.resolved(sum(passes(self.phase(each)) for each in phases_of(self.design, "eps")))

    @property
    def passes(self) -> int:
        """How often a network is trained on all images in all phases."""
        return sum(passes(self.phase(name)) for name in self.phases)

    @property
    def taught_by(self) -> str:
        """Who teaches the subnets, for tables: the parameter's value, in-place or none."""
        if self.schedule == "random" or self.kd == "none":
            return "none"
        if self.schedule == "sandwich":
            return "in-place"
        return self.teacher if self.eps.kd_ratio > 0 else "none"

    @property
    def told_phases(self) -> Mapping[str, Any]:
        """What a digest tells of the phases: of those that are trained."""
        return {name: self.phase(name) for name in self.phases}


def passes(phase: FullPhaseConfig | SubnetSchedule) -> int:
    """How often `phase` trains a network on all images."""
    return phase.epochs * max(1, phase.subnets)
