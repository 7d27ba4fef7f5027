"""What determines the finishing of a search's networks (section 6.1.5), and the study of it (6.3.2)."""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, PositiveFloat, PositiveInt, model_validator

from natv2.config import Config
from natv2.exits.weightings import ExitWeighting
from natv2.training.config import FullConfig, OptimiserName, RecipeConfig, check_teacher

Start = Literal["found", "scratch"]
"""What a whole schedule begins with: the weights that the search found, or new ones."""


def _parsed(value: object) -> object:
    if value in get_args(Chosen):
        return value
    if isinstance(value, str):
        value = value.split("+")
    parts: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
    try:
        return tuple(float(part) for part in parts)
    except (TypeError, ValueError):
        raise ValueError("high_tradeoff, front, or budgets of MACs joined by +, as 0.5e6+2e6") from None


def _ascending(value: object) -> object:
    if isinstance(value, tuple) and list(value) != sorted(set(value)):
        raise ValueError("budgets must ascend, none twice")
    return value


Chosen = Literal["high_tradeoff", "front"]
Budgets = Annotated[tuple[PositiveFloat, ...], Field(min_length=1, strict=False)]
"""Most MACs of each network."""


class PostprocessConfig(Config):
    """Which networks of the front are finished, by which method, and how.

    `finish` says which: those of high trade-off and the most accurate one, all, or the most accurate within
    each of some budgets of MACs.
    `recipe` is that of section 6.1.5 (`thesis`), or a whole schedule (`full`), for which `start`, `refit` and
    `teacher` are. Several exits are trained and judged together, both by `exit_weighting`.
    """

    finish: Annotated[Chosen | Budgets, BeforeValidator(_parsed), AfterValidator(_ascending)]
    method: Literal["none", "standard", "aep", "both"]
    exit_weighting: ExitWeighting
    recipe: Literal["thesis", "full"]
    start: Literal["auto"] | Start
    refit: bool
    teacher: Annotated[str, AfterValidator(check_teacher)]
    thesis: RecipeConfig
    full: FullConfig

    def expected(self, high_tradeoff: int) -> int:
        """How many networks will be finished, where a search names so many of high trade-off."""
        return len(self.finish) if isinstance(self.finish, tuple) else high_tradeoff + 1


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
