"""The base of every configuration: strict, frozen, and told apart by one digest.

A configuration is both the section that YAML is checked into and what the algorithm takes. These models
import neither torch, torchvision nor pymoo: a mistyped name is refused before these load.
"""

import json
import re
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


class Config(BaseModel):
    """A frozen section of parameters: no name beyond those below, no value of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @classmethod
    def part_of(cls, other: BaseModel) -> Self:
        """This section, from the fields of the same names of `other`."""
        return cls.model_validate({name: getattr(other, name) for name in cls.model_fields})


class NoDigest:
    """Marks a field that tells no runs apart: it cannot change their result, or has a column of its own."""


NO_DIGEST = NoDigest()


def digest(*parts: object) -> str:
    """Eight hex digits of `parts`: configurations, without fields marked NO_DIGEST, and JSON-ready values."""
    text = json.dumps([told(part) for part in parts], sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=4).hexdigest()


def told(value: object) -> Any:
    """`value` as mappings, lists and plain values, without fields marked NO_DIGEST."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields.items()
        names = [name for name, field in fields if NO_DIGEST not in field.metadata]
        return {name: told(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(name): told(each) for name, each in value.items()}
    return [told(each) for each in value] if isinstance(value, list | tuple) else value


def one_of(known: Mapping[str, object]) -> AfterValidator:
    """A check that a name is among `known`."""

    def check(name: str) -> str:
        if name not in known:
            raise ValueError(f"known: {', '.join(known)}")
        return name

    return AfterValidator(check)


def _ascending(sizes: tuple[int, ...]) -> tuple[int, ...]:
    if list(sizes) != sorted(set(sizes)):
        raise ValueError("sizes must ascend, none twice")
    return sizes


_TIME = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?")


def seconds_of(time: str) -> float:
    """Seconds of a time such as 90m, 1.5h or 1h30m. Raises ValueError where it is none."""
    found = _TIME.fullmatch(time)
    hours, minutes = found.groups() if found else (None, None)
    seconds = 3600 * float(hours or 0) + 60 * float(minutes or 0)
    if not seconds:
        raise ValueError("it should be a time such as 90m, 1.5h or 1h30m")
    return seconds


def _time(value: object) -> object:
    if isinstance(value, str):
        seconds_of(value)
        return value
    raise ValueError("it should be a time such as 90m, 1.5h or 1h30m")


Time = Annotated[str, BeforeValidator(_time)]
BatchSize = Annotated[int, Field(ge=2, description="images at once")]  # batch norm has no use for one image
EvaluationBatchSize = Annotated[int, Field(ge=1, description="images at once in evaluations"), NO_DIGEST]
Count = Annotated[int, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
NotNegative = Annotated[float, Field(ge=0)]
LearningRate = Annotated[float, Field(gt=0, description="learning rate, the highest")]
Momentum = Annotated[float, Field(ge=0, lt=1, description="Nesterov's")]
WeightDecay = Annotated[float, Field(ge=0, description="of all but batch norms and biases")]
GradientNorm = Annotated[
    Annotated[float, Field(gt=0)] | None, Field(description="norm that all gradients together are clipped at")
]
KdRatio = Annotated[float, Field(ge=0, description="weight of the teacher's soft labels beside the labels")]
LabelSmoothing = Annotated[float, Field(ge=0, lt=1, description="share of a label that all classes get")]
Dropout = Annotated[float, Field(ge=0, lt=1, description="before the last layer of a head")]
Epochs = Annotated[int, Field(ge=0, description="epochs")]
WarmupEpochs = Annotated[int, Field(ge=0, description="first epochs, in which the rate rises")]
Subnets = Annotated[int, Field(gt=0, description="networks trained on each batch")]
Multiplier = Annotated[float, Field(ge=0.1, le=4)]
Resolutions = Annotated[
    tuple[Annotated[int, Field(ge=8, le=1024, strict=True)], ...],
    Field(min_length=1, strict=False),  # YAML and JSON have lists, no tuples
    AfterValidator(_ascending),
]
Place = Annotated[Path, Field(strict=False), AfterValidator(Path.expanduser)]
