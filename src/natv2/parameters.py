"""The parameters of a run as typed models: conf/ gives the values, these say what is allowed."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from natv2.errors import UserError
from natv2.exits import Weighting
from natv2.images.datasets import DATASETS
from natv2.images.image_set import Sizes
from natv2.search.objectives import parse_objectives
from natv2.spaces.design import DESIGNS


def _one_of(known: Mapping[str, object]) -> AfterValidator:
    def check(name: str) -> str:
        if name not in known:
            raise ValueError(f"known: {', '.join(known)}")
        return name

    return AfterValidator(check)


def _ascending(sizes: tuple[int, ...]) -> tuple[int, ...]:
    if list(sizes) != sorted(set(sizes)):
        raise ValueError("sizes must ascend, none twice")
    return sizes


def _parsed(value: object) -> object:
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        value = "+".join(value)
    return parse_objectives(value) if isinstance(value, str) else value  # pydantic refuses the rest


_RAW = Path("data/01_raw")

BatchSize = Annotated[int, Field(ge=2)]  # batch norm has no use for one image
Count = Annotated[int, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
NotNegative = Annotated[float, Field(ge=0)]
Multiplier = Annotated[float, Field(ge=0.1, le=4)]
Resolutions = Annotated[
    tuple[Annotated[int, Field(ge=8, le=1024, strict=True)], ...],
    Field(min_length=1, strict=False),  # YAML and JSON have lists, no tuples
    AfterValidator(_ascending),
]
Place = Annotated[Path, Field(strict=False), AfterValidator(Path.expanduser)]
Objectives = Annotated[
    tuple[str, ...],
    Field(strict=False),
    BeforeValidator(_parsed),
]


class Model(BaseModel):
    """A block of parameters: no name beyond those below, no value of another type, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class WidthParameters(Model):
    """Width multipliers of the two supernets of a search."""

    narrow: Multiplier
    wide: Multiplier

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.narrow >= self.wide:
            raise ValueError(f"narrow ({self.narrow}) must be below wide ({self.wide})")
        return self


class CalibrationParameters(Model):
    """Training images that batch-norm statistics are taken from."""

    images: PositiveInt
    batch_size: BatchSize


class PhaseParameters(Model):
    """A row of Table 5.2; `subnets` are drawn for each batch."""

    lr: PositiveFloat
    epochs: Count
    warmup_epochs: Count
    subnets: PositiveInt

    @model_validator(mode="after")
    def _warms_up_within(self) -> Self:
        if self.warmup_epochs > self.epochs:
            raise ValueError(f"warmup_epochs ({self.warmup_epochs}) must not be above epochs ({self.epochs})")
        return self


class FullPhaseParameters(PhaseParameters):
    """The first row of Table 5.2: the largest network alone."""

    subnets: Literal[0]


class PhasesParameters(Model):
    """Table 5.2, in the order in which a supernet goes through it."""

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


class ImagesParameters(Model):
    """Which images are used and how they vary; None leaves it as the data set has it."""

    valid_fraction: Annotated[float, Field(gt=0, lt=1)] | None
    per_class: PositiveInt | None
    flip: bool | None
    skip_unreadable: bool


class EpsParameters(Model):
    """Extended Progressive Shrinking (thesis, chapter 5); resolutions None: those of the data set."""

    resolutions: Resolutions | None
    batch_size: BatchSize
    teacher: Literal["fixed", "progressive"]
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
    phases: PhasesParameters

    def at(self, sizes: Sizes) -> Self:
        """These parameters with the resolutions that a data set is trained at, where none were given."""
        return self if self.resolutions else self.model_copy(update={"resolutions": sizes.trained})


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


class SearchParameters(Model):
    """The search for the best subnets (thesis, chapter 6); resolutions None: those of the data set."""

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
    archive_size: Annotated[int, Field(ge=4)]
    pre_processing: PositiveInt
    turns: PositiveInt
    candidates: PositiveInt
    top: PositiveInt
    population: Annotated[int, Field(ge=4)]
    generations: Annotated[int, Field(ge=2)]  # the first is the archive's own
    predictor: Literal["lightgbm"]
    features: Literal["integer", "one_hot"]
    folds: Annotated[int, Field(ge=2)]
    adaptation: AdaptationParameters
    high_tradeoff: PositiveInt

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        for name, limit in (("top", "archive_size"), ("folds", "archive_size"), ("candidates", "population")):
            if getattr(self, name) > getattr(self, limit):
                raise ValueError(
                    f"{name} ({getattr(self, name)}) must not be above {limit} ({getattr(self, limit)})"
                )
        if self.candidates >= self.archive_size:
            raise ValueError(
                f"candidates ({self.candidates}) must be below archive_size ({self.archive_size}): "
                "they take the place of its worst"
            )
        return self

    def at(self, sizes: Sizes) -> Self:
        """These parameters with the resolutions that a data set is searched among, where none were given."""
        return self if self.resolutions else self.model_copy(update={"resolutions": sizes.searched})


class PostprocessParameters(Model):
    """Fine-tuning of what the search found (section 6.1.5)."""

    finish: Literal["high_tradeoff", "front"]
    optimizer: Literal["auto", "sgd", "adamw"]
    lr: PositiveFloat
    momentum: Fraction
    weight_decay: NotNegative
    batch_size: BatchSize
    max_epochs: PositiveInt
    patience: PositiveInt


class Parameters(Model):
    """All parameters of a run."""

    supernet: Annotated[str, _one_of(DESIGNS)]
    source: Annotated[str, _one_of(DATASETS)]
    dataset: Annotated[str, _one_of(DATASETS)]
    source_path: Place | None
    data_path: Place | None
    images: ImagesParameters
    objectives: Objectives
    seed: Count
    device: Literal["auto", "cpu", "cuda"]
    threads: PositiveInt | None
    fresh: bool
    widths: WidthParameters
    eps: EpsParameters
    search: SearchParameters
    postprocess: PostprocessParameters

    @model_validator(mode="after")
    def _own_images_have_a_place(self) -> Self:
        same = self.data_path if self.source == self.dataset else None
        for name, path, field in (
            (self.dataset, self.data_path, "data_path"),
            (self.source, self.source_path or same, "source_path"),
        ):
            if DATASETS[name].classes is None and path is None:
                raise ValueError(f"images of your own ({name}) need {field}: where they are")
        return self

    def source_place(self) -> Path:
        """Where the raw files of `source` are, or go to: those of `dataset`, if it is the same set."""
        same = self.target_place() if self.source == self.dataset else _RAW / self.source
        return self.source_path or same

    def target_place(self) -> Path:
        """Where the raw files of `dataset` are, or go to."""
        return self.data_path or _RAW / self.dataset


def validate_parameters(raw: Mapping[str, Any]) -> Parameters:
    """The parameters in `raw`, checked whole.

    Raises UserError on the first name or value that is not allowed: it says which are.
    """
    try:
        return Parameters.model_validate(dict(raw))
    except ValidationError as error:
        # A mistyped name is often missing too: say what was typed.
        details = sorted(error.errors(), key=lambda detail: detail["type"] != "extra_forbidden")
        raise UserError(_explain(details[0])) from None


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested `values` under dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        nested = isinstance(value, Mapping)
        flat |= flattened(value, f"{prefix}{name}.") if nested else {f"{prefix}{name}": value}
    return flat


def _explain(detail: ErrorDetails) -> str:
    name = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return _unknown(tuple(str(part) for part in detail["loc"]))
    if detail["type"] == "missing":
        return f"parameter '{name}' is missing"
    allowed = detail["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    if detail["type"] in ("model_type", "model_attributes_type"):
        allowed = "it should be a block of parameters"
    if isinstance(detail["input"], Mapping) and detail["type"] == "value_error" and not name:
        return allowed
    if isinstance(detail["input"], Mapping) and detail["type"] == "value_error":
        return f"parameters '{name}': {allowed}"
    return f"parameter '{name}' cannot be {detail['input']!r}: {allowed}"


def _unknown(path: tuple[str, ...]) -> str:
    model: type[BaseModel] = Parameters
    for part in path[:-1]:
        model = model.model_fields[part].annotation  # type: ignore[assignment]  # only models have names in them
    prefix = "".join(f"{part}." for part in path[:-1])
    known = [prefix + field for field in model.model_fields]
    similar = get_close_matches(".".join(path), known, n=1)
    hint = f" (did you mean '{similar[0]}'?)" if similar else ""
    return f"unknown parameter '{'.'.join(path)}'{hint}; known: {', '.join(known)}"
