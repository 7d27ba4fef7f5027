"""What a network says of one image, in the words of people."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

UNSURE = "unsure"
"""What is said in the place of a class below the probability that is asked for."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The likeliest classes of an image with their probabilities, the likeliest first."""

    ranked: tuple[tuple[str, float], ...]

    @property
    def label(self) -> str:
        """The likeliest class."""
        return self.ranked[0][0]

    @property
    def probability(self) -> float:
        """Of the likeliest class."""
        return self.ranked[0][1]


def predictions(probabilities_NC: Tensor, class_names: Sequence[str], top: int) -> list[Prediction]:
    """The `top` classes of each image (all, where there are fewer)."""
    values, places = torch.topk(probabilities_NC, min(top, len(class_names)), dim=1)
    return [
        Prediction(ranked=tuple((class_names[place], value) for place, value in zip(*row, strict=True)))
        for row in zip(places.tolist(), values.tolist(), strict=True)
    ]
