"""Parameters that bound the networks a search may return."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt

from natv2.config import Model
from natv2.objectives.constraints import Constraints


def _whole(value: object) -> object:
    """5e6 is a whole number too, however YAML reads it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Amount = Annotated[PositiveInt, BeforeValidator(_whole)]


class ConstraintParameters(Model):
    """Bounds on parameters, MACs, latency in ms, and top-1 accuracy as a fraction; None: there is none."""

    max_params: Amount | None
    max_macs: Amount | None
    max_latency: PositiveFloat | None
    min_accuracy: Annotated[float, Field(gt=0, lt=1)] | None

    def within(self, others: Mapping[str, float]) -> Self:
        """These bounds, and of `others` (their names and values) those that these do not give."""
        given = {name: bound for name, bound in self.model_dump().items() if bound is not None}
        return self.model_validate({**self.model_dump(), **others, **given})

    def constraints(self) -> Constraints:
        """As the search has them."""
        return Constraints(**self.model_dump())
