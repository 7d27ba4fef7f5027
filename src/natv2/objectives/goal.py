"""What a search is after: its objectives, and the constraints of what it returns."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from natv2.config import Config
from natv2.objectives.constraints import BOUNDS, Constraints
from natv2.objectives.objectives import OBJECTIVES, first_cost, parse_objectives


def _parsed(value: object) -> object:
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        value = "+".join(value)
    return parse_objectives(value) if isinstance(value, str) else value  # pydantic refuses the rest


Objectives = Annotated[tuple[str, ...], Field(strict=False), BeforeValidator(_parsed)]


class Goal(Config):
    """Objectives in the user's order, and constraints."""

    objectives: Objectives
    constraints: Constraints

    @property
    def needs_latency(self) -> bool:
        """Whether networks are judged by their latency."""
        return any(OBJECTIVES[name].needs_latency for name in self.judged_by)

    @property
    def judged_by(self) -> list[str]:
        """The objectives, and what is bounded beside them, each once."""
        bounded = (BOUNDS[name].objective for name in self.constraints.active)
        return list(dict.fromkeys([*self.objectives, *bounded]))

    @property
    def axis(self) -> str:
        """What figures of the search are drawn against: the first cost, or turns where there is none."""
        return first_cost(self.objectives, "turn")
