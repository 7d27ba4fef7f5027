"""How training images vary."""

from dataclasses import dataclass
from typing import Literal, get_args

AutoPolicy = Literal["none", "autoaugment_cifar10", "autoaugment_imagenet", "randaugment"]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Crops, mirroring and colours of training images.

    Either `crop_scale`, a crop's share of the area (low, high), or `pad`, black pixels of the stored image
    on each side of which a random crop of the old size is taken (He et al., 2016, section 4.2). `flip`
    mirrors half of the images; `auto` is a policy of `natv2.images.auto_augment`. Raises ValueError on
    crops larger than the image and on both kinds of crop together.
    """

    crop_scale: tuple[float, float] = (1.0, 1.0)
    flip: bool = False
    pad: int = 0
    auto: AutoPolicy = "none"

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        low, high = self.crop_scale
        if not 0 < low <= high <= 1:
            raise ValueError(f"crop_scale {self.crop_scale}: 0 < low <= high <= 1 is needed")
        if self.pad < 0:
            raise ValueError(f"pad {self.pad}: 0 pixels or more are needed")
        if self.pad and self.crop_scale != (1, 1):
            raise ValueError(
                f"pad {self.pad} and crop_scale {self.crop_scale}: only one kind of crop at a time"
            )
        if self.auto not in get_args(AutoPolicy):
            raise ValueError(f"auto {self.auto!r}; known: {', '.join(get_args(AutoPolicy))}")
