"""The two width multipliers of a search."""

from typing import Self

from pydantic import model_validator

from natv2.config import Config, Multiplier


class WidthsConfig(Config):
    """Width multipliers of the two supernets of a search."""

    narrow: Multiplier
    wide: Multiplier

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.narrow >= self.wide:
            raise ValueError(f"narrow ({self.narrow}) must be below wide ({self.wide})")
        return self
