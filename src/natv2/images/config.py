"""Parameters of the images."""

from typing import Annotated

from pydantic import Field, PositiveInt

from natv2.config import Model


class ImagesParameters(Model):
    """Which images are used and how they vary; None leaves it as the data set has it."""

    valid_fraction: Annotated[float, Field(gt=0, lt=1)] | None
    per_class: PositiveInt | None
    flip: bool | None
    skip_unreadable: bool
