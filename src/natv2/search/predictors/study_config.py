"""Parameters of the predictor study (thesis, section 6.2.2)."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from natv2.config import Model, one_of
from natv2.search.predictors.table import PREDICTORS, is_installed


def _installed(name: str) -> str:
    if not is_installed(name):
        raise ValueError(f'an extra that is not installed: pip install "natv2[{name}]"')
    return name


INSTALLED = AfterValidator(_installed)
"""A check that the predictor of a name can be fitted here."""

PredictorName = Annotated[str, one_of(PREDICTORS)]
Installed = Annotated[PredictorName, INSTALLED]
Sizes = Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1, strict=False)]
TrainingSizes = Annotated[tuple[Annotated[int, Field(ge=10)], ...], Field(min_length=1, strict=False)]


class PredictorStudyParameters(Model):
    """What is fitted to what, and tested on what; predictors None: all that are installed."""

    samples: PositiveInt
    tests: Sizes
    sizes: TrainingSizes
    repetitions: PositiveInt
    predictors: Annotated[tuple[Installed, ...], Field(min_length=1, strict=False)] | None
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
