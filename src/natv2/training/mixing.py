"""Pairs of images mixed into one, with both labels: mixup (Zhang et al., 2018), CutMix (Yun et al., 2019)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from natv2.randomness import numpy_generator


@dataclass(frozen=True, kw_only=True, eq=False)
class Mix:
    """Each image keeps `share` of itself; the rest is that of its partner, at `partners` (N,) of the batch.

    `box` is the part that comes from the partner as a whole (top, left, bottom, right, fractions of the
    sides); None: everywhere a little of both.
    """

    share: float
    partners: Tensor
    box: tuple[float, float, float, float] | None = None

    def images(self, x: Tensor) -> Tensor:
        """Mix images (N, 3, R, R), of whatever resolution."""
        if self.box is None:
            return x.lerp(x[self.partners], 1 - self.share)
        height, width = x.shape[-2:]
        top, bottom = (round(height * self.box[side]) for side in (0, 2))
        left, right = (round(width * self.box[side]) for side in (1, 3))
        mixed = x.clone()
        mixed[:, :, top:bottom, left:right] = x[self.partners, :, top:bottom, left:right]
        return mixed

    def loss(self, own: Tensor, partners: Tensor) -> Tensor:
        """The loss of the images' own labels and that of their partners', each for its share."""
        return self.share * own + (1 - self.share) * partners


@dataclass(frozen=True, kw_only=True)
class Mixing:
    """How images are mixed: the parameter of both kinds' Beta distributions; 0: this kind is not used.

    Where both are used each batch takes one of them, as likely as the other.
    """

    mixup: float = 0.0
    cutmix: float = 0.0

    def draw(self, count: int, seed: int, *purpose: str | int) -> Mix | None:
        """The mix of a batch of `count` images; None where images are not mixed."""
        kinds = [
            (name, alpha) for name, alpha in (("mixup", self.mixup), ("cutmix", self.cutmix)) if alpha > 0
        ]
        if not kinds:
            return None
        generator = numpy_generator(seed, *purpose, "mix")
        kind, alpha = kinds[generator.integers(len(kinds))]
        share = float(generator.beta(alpha, alpha))
        partners = torch.from_numpy(generator.permutation(count))
        if kind == "mixup":
            return Mix(share=share, partners=partners)
        side = (1 - share) ** 0.5
        centre = generator.random(2)
        top, left = (max(0.0, float(c) - side / 2) for c in centre)
        bottom, right = (min(1.0, float(c) + side / 2) for c in centre)
        # What the image's edge cuts off the box stays the image's own.
        share = 1 - (bottom - top) * (right - left)
        return Mix(share=share, partners=partners, box=(top, left, bottom, right))
