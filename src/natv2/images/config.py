"""What may be set about the images of a run."""

from typing import Annotated

from pydantic import Field, PositiveInt

from natv2.config import BatchSize, Config


class ImagesConfig(Config):
    """Which images are used and how they vary; None leaves it as the data set has it."""

    valid_fraction: Annotated[float, Field(gt=0, lt=1)] | None
    per_class: PositiveInt | None
    flip: bool | None
    skip_unreadable: bool
    max_pixels: PositiveInt


class CalibrationConfig(Config):
    """Training images that batch-norm statistics are taken from."""

    images: Annotated[int, Field(ge=2, description="how many")]
    batch_size: BatchSize
