"""What determines a search beside its supernets and its images (thesis, chapter 6)."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from natv2.config import (
    NO_DIGEST,
    BatchSize,
    Config,
    Count,
    Dropout,
    Epochs,
    EvaluationBatchSize,
    KdRatio,
    LearningRate,
    Place,
    Resolutions,
    Subnets,
    one_of,
)
from natv2.costs.config import BatchLatencyConfig
from natv2.exits.weightings import ExitWeighting
from natv2.images.config import CalibrationConfig
from natv2.images.datasets import Sizes
from natv2.search.predictors.table import AUTO, PREDICTORS, is_installed
from natv2.training.config import SGDConfig
from natv2.training.schedule import RateSchedule, SubnetSchedule

Growth = Literal["grow", "substitute"]
"""Whether candidates join the archive (NAT) or take the place of its worst (NATv2, section 6.1.3)."""

Sampling = Literal["codes", "architectures"]
"""What the first archive is drawn from: codes, mostly deep (NAT), or architectures (section 6.1.3)."""

Proposal = Literal["evolution", "islands", "random"]
"""Where a turn's candidates come from: one evolution on the predictor, one for each exit, or chance."""

FittedTo = Literal["archive", "all"]
"""What a turn's predictor is fitted to: the archive, or every architecture that was evaluated so far."""

Exits = Literal["one", "many"]
"""Whether networks have one exit each, or any set of them, whose outputs are used together."""

DistributionFit = Literal["categorical", "scipy"]


def _installed(name: str) -> str:
    if not is_installed(name):
        raise ValueError(f'an extra that is not installed: pip install "natv2[{name}]"')
    return name


Installed = AfterValidator(_installed)
"""A check that the predictor of a name can be fitted here."""

PredictorName = Annotated[str, one_of(PREDICTORS)]
Numbers = Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1, strict=False)]
TrainingNumbers = Annotated[tuple[Annotated[int, Field(ge=10)], ...], Field(min_length=1, strict=False)]


class WarmUpConfig(Config):
    """What is trained before the search (section 6.1.2); new heads of an imported supernet first, alone."""

    lr: LearningRate
    heads_epochs: Count = 0
    largest_epochs: Count
    supernet_epochs: Count
    subnets: Subnets

    @property
    def heads(self) -> RateSchedule:
        """The schedule of heads that are new."""
        return RateSchedule(lr=self.lr, epochs=self.heads_epochs)

    @property
    def largest(self) -> RateSchedule:
        """The schedule of the largest network at each width."""
        return RateSchedule(lr=self.lr, epochs=self.largest_epochs)

    @property
    def supernets(self) -> SubnetSchedule:
        """The schedule of both supernets."""
        return SubnetSchedule(lr=self.lr, epochs=self.supernet_epochs, subnets=self.subnets)


class AdaptationConfig(Config):
    """How the supernets are adapted in a turn of the search."""

    lr: LearningRate
    epochs: Epochs
    subnets: Subnets

    def over(self, turns: int) -> SubnetSchedule:
        """One schedule over all turns (docs/methods.md, Sizes of the experiments)."""
        return SubnetSchedule(lr=self.lr, epochs=turns * self.epochs, subnets=self.subnets)


class SearchConfig(SGDConfig):
    """The search for the best subnets; resolutions None: those of the data set.

    `patience` turns without progress of the hypervolume end it; None: all `turns`. `keep_supernets` keeps
    both as they are after each turn, too.
    """

    init_from: Place | None
    exits: Exits
    resolutions: Resolutions | None
    batch_size: BatchSize
    kd_ratio: KdRatio
    dropout: Dropout
    exit_weighting: ExitWeighting
    calibration: CalibrationConfig
    evaluation_batch_size: EvaluationBatchSize
    warm_up: WarmUpConfig
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
    predictor: Annotated[str, one_of({**PREDICTORS, "auto": AUTO}), Installed]
    features: Literal["integer", "one_hot"]
    fitted_to: FittedTo
    folds: Annotated[int, Field(ge=2)]
    distributions: DistributionFit
    adaptation: AdaptationConfig
    latency: BatchLatencyConfig
    high_tradeoff: PositiveInt
    keep_supernets: Annotated[bool, NO_DIGEST]

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

    @property
    def gained_a_turn(self) -> int:
        """By how many networks an archive grows in a turn at most: what paths offer is taken twice."""
        if self.growth == "substitute":
            return 0
        return self.candidates if self.exits == "one" else 3 * self.candidates

    @property
    def of_one_exit(self) -> Self:
        """This search, of networks with one exit each."""
        return self.model_copy(update={"exits": "one"})

    def at(self, sizes: Sizes) -> Self:
        """This search with the resolutions that a data set is searched among, where none were given."""
        return self if self.resolutions else self.model_copy(update={"resolutions": sizes.searched})


class PredictorStudyConfig(Config):
    """What is fitted to what, and tested on what (section 6.2.2); predictors None: all that are installed.

    `sizes` are numbers of architectures fitted to, `repetitions` how often with other ones, `tests` numbers
    of those tested on.
    """

    samples: PositiveInt
    tests: Numbers
    sizes: TrainingNumbers
    repetitions: PositiveInt
    predictors: (
        Annotated[tuple[Annotated[PredictorName, Installed], ...], Field(min_length=1, strict=False)] | None
    )
    shown: PredictorName

    @model_validator(mode="after")
    def _samples_suffice(self) -> Self:
        needed = max(self.tests) + max(self.sizes)
        if self.samples < needed:
            raise ValueError(
                f"samples ({self.samples}) must be {needed} at least: {max(self.tests)} are tested on and "
                f"{max(self.sizes)} others fitted to"
            )
        return self
