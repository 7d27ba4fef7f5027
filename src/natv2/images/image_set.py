"""Images in memory with their labels, and the three splits of a data set."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from natv2.errors import UserError

Channels = tuple[float, float, float]
"""One number for each of red, green and blue."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """`images` uint8 (N, 3, H, W), RGB; `labels` int64 (N,); `ids` int64 (N,).

    An id names a sample within its source, whatever split or subset it is in. Raises ValueError
    where shapes or types differ from these.
    """

    images: Tensor
    labels: Tensor
    ids: Tensor

    def __post_init__(self) -> None:
        """Check shapes and types."""
        if self.images.ndim != 4 or self.images.shape[1] != 3 or self.images.dtype != torch.uint8:
            raise ValueError(
                f"images are {self.images.dtype} {tuple(self.images.shape)}, not uint8 (N, 3, H, W)"
            )
        for name, values in (("labels", self.labels), ("ids", self.ids)):
            if values.shape != self.images.shape[:1] or values.dtype != torch.int64:
                raise ValueError(f"{name} are {values.dtype} {tuple(values.shape)}, not int64 ({len(self)},)")

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.images)

    def subset(self, indices: Tensor) -> "ImageSet":
        """The images at `indices` (int64 positions), in that order."""
        indices = indices.to(self.images.device)
        return ImageSet(self.images[indices], self.labels[indices], self.ids[indices])

    def to(self, device: torch.device | str) -> "ImageSet":
        """The same images on `device`."""
        return ImageSet(self.images.to(device), self.labels.to(device), self.ids.to(device))


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How training images vary: a crop's share of the area (low, high), and whether half are mirrored."""

    crop_scale: tuple[float, float] = (1.0, 1.0)
    flip: bool = False

    def __post_init__(self) -> None:
        """Refuse crops larger than the image. Raises ValueError."""
        low, high = self.crop_scale
        if not 0 < low <= high <= 1:
            raise ValueError(f"crop_scale {self.crop_scale}: 0 < low <= high <= 1 is needed")


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageSplits:
    """A data set: its classes, its three splits, how it is normalised and augmented.

    `mean` and `std` are those of the training pixels, a channel at a time, scaled to 0..1.
    """

    name: str
    class_names: tuple[str, ...]
    mean: Channels
    std: Channels
    augmentation: Augmentation
    train: ImageSet
    valid: ImageSet
    test: ImageSet

    def train_and_valid(self) -> ImageSet:
        """Training and validation images together, training first."""
        pairs = zip(_tensors(self.train), _tensors(self.valid), strict=True)
        return ImageSet(*(torch.cat(pair) for pair in pairs))

    def only(self, class_names: Sequence[str]) -> "ImageSplits":
        """The same splits with only `class_names`, labelled 0, 1, ... in the order given.

        Mean and deviation are taken anew: it is a data set of its own. Raises UserError on a class
        that there is not, or that is named twice.
        """
        for name in class_names:
            if name not in self.class_names:
                raise UserError(
                    f"unknown class {name!r} of {self.name}; known: {', '.join(self.class_names)}"
                )
        if not class_names or len(set(class_names)) < len(class_names):
            raise UserError(f"classes {list(class_names)}: at least one, and each only once")
        old = [self.class_names.index(name) for name in class_names]
        train, valid, test = (_relabelled(part, old) for part in (self.train, self.valid, self.test))
        mean, std = channel_statistics(train.images)
        return replace(
            self, class_names=tuple(class_names), mean=mean, std=std, train=train, valid=valid, test=test
        )

    def to(self, device: torch.device | str) -> "ImageSplits":
        """The same splits on `device`."""
        return replace(
            self, train=self.train.to(device), valid=self.valid.to(device), test=self.test.to(device)
        )


def channel_statistics(images: Tensor) -> tuple[Channels, Channels]:
    """Mean and standard deviation of each channel of `images` (uint8, N, 3, H, W), pixels in 0..1."""
    # From a histogram: exact, and without a float copy of a large data set.
    levels = torch.arange(256, dtype=torch.float64) / 255
    means, deviations = [], []
    for channel in range(3):
        shares = torch.bincount(images[:, channel].flatten(), minlength=256).double().cpu()
        shares /= shares.sum()
        mean = (shares * levels).sum()
        means.append(mean.item())
        deviations.append((shares * (levels - mean) ** 2).sum().sqrt().item())
    return (means[0], means[1], means[2]), (deviations[0], deviations[1], deviations[2])


def _relabelled(images: ImageSet, old: Sequence[int]) -> ImageSet:
    kept = torch.isin(images.labels, torch.tensor(old, device=images.labels.device))
    part = images.subset(kept.nonzero().flatten())
    matches = part.labels[:, None] == torch.tensor(old, device=part.labels.device)
    return replace(part, labels=matches.int().argmax(dim=1))


def _tensors(images: ImageSet) -> tuple[Tensor, Tensor, Tensor]:
    return images.images, images.labels, images.ids
