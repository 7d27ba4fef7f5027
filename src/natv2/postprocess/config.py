"""What determines the refinement of a search's networks (section 6.1.5), and the study of it (6.3.2)."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from natv2.config import Config
from natv2.exits.weightings import ExitWeighting
from natv2.training.config import OptimiserName, RecipeConfig


class PostprocessConfig(RecipeConfig):
    """Which networks of the front are refined, by which method, and how."""

    finish: Literal["high_tradeoff", "front"]
    method: Literal["none", "standard", "aep", "both"]


class PostprocessStudyConfig(Config):
    """The grid of the optimisation study (section 6.3.2)."""

    optimizers: Annotated[tuple[OptimiserName, ...], Field(min_length=1, strict=False)]
    learning_rates: Annotated[tuple[PositiveFloat, ...], Field(min_length=1, strict=False)]
    exit_weightings: Annotated[tuple[ExitWeighting, ...], Field(strict=False)]
    networks: PositiveInt
