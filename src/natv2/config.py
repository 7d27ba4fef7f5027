"""Types that several blocks of parameters share."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


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

    images: BatchSize
    batch_size: BatchSize
