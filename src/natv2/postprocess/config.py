"""What determines the finishing of a search's networks (section 6.1.5), and the study of it (6.3.2)."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt, model_validator

from natv2.config import Config
from natv2.exits.weightings import ExitWeighting
from natv2.training.config import FullConfig, OptimiserName, RecipeConfig, check_teacher

Start = Literal["found", "scratch"]
"""What a whole schedule begins with: the weights that the search found, or new ones."""


class PostprocessConfig(Config):
    """Which networks of the front are finished, by which method, and how.

    `recipe` is that of section 6.1.5 (`thesis`), or a whole schedule (`full`), for which `start`, `refit` and
    `teacher` are. Several exits are trained and judged together, both by `exit_weighting`.
    """

    finish: Literal["high_tradeoff", "front"]
    method: Literal["none", "standard", "aep", "both"]
    exit_weighting: ExitWeighting
    recipe: Literal["thesis", "full"]
    start: Literal["auto"] | Start
    refit: bool
    teacher: Annotated[str, AfterValidator(check_teacher)]
    thesis: RecipeConfig
    full: FullConfig


class PostprocessStudyConfig(Config):
    """The grid of the optimisation study (section 6.3.2)."""

    optimizers: Annotated[tuple[OptimiserName, ...], Field(min_length=1, strict=False)]
    learning_rates: Annotated[tuple[PositiveFloat, ...], Field(min_length=1, strict=False)]
    exit_weightings: Annotated[tuple[ExitWeighting, ...], Field(strict=False)]
    networks: PositiveInt


class RankStudyConfig(Config):
    """So many networks around so many budgets of MACs, each finished by so many seeds."""

    networks: Annotated[int, Field(ge=4)]
    budgets: PositiveInt
    seeds: PositiveInt

    @model_validator(mode="after")
    def _two_a_budget(self) -> Self:
        if self.networks < 2 * self.budgets:
            raise ValueError(f"networks ({self.networks}) must be at least two a budget ({self.budgets})")
        return self
