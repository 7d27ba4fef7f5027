"""Images in memory with their labels, and the three splits of a data set."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from natv2.devices import send
from natv2.errors import UserError
from natv2.images.augmentation import Augmentation
from natv2.images.datasets import THESIS_SIZES, Channels, Sizes
from natv2.images.levels import Levels
from natv2.images.listing import SPLITS
from natv2.images.look import ImageReport
from natv2.images.pools import from_portable, moved, portable_pool

_CHUNK = 2048  # images whose pixels are looked at together


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Some samples of a `pool` of images uint8 (M, 3, H, W), RGB, which is shared and never copied.

    `labels` and `ids` are int64 (N,); an id names a sample within its source, whatever split or subset
    it is in. `positions` int64 (N,), on the CPU, are those of the samples in the pool (None: all of it,
    in order). Raises ValueError where shapes or types differ from these.
    """

    pool: Tensor
    labels: Tensor
    ids: Tensor
    positions: Tensor = None  # type: ignore[assignment]  # set below

    def __post_init__(self) -> None:
        """Check shapes and types."""
        if self.pool.ndim != 4 or self.pool.shape[1] != 3 or self.pool.dtype != torch.uint8:
            raise ValueError(f"images are {self.pool.dtype} {tuple(self.pool.shape)}, not uint8 (N, 3, H, W)")
        if self.positions is None:
            object.__setattr__(self, "positions", torch.arange(len(self.pool)))
        for name in ("labels", "ids", "positions"):
            values = getattr(self, name)
            if values.shape != self.positions.shape or values.dtype != torch.int64:
                raise ValueError(f"{name} are {values.dtype} {tuple(values.shape)}, not int64 ({len(self)},)")

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.positions)

    def __reduce__(self) -> tuple[Any, ...]:
        """To another process go the samples, and where the pool is."""
        return _image_set, (portable_pool(self.pool), self.labels, self.ids, self.positions)

    @property
    def images(self) -> Tensor:
        """The images themselves, uint8 (N, 3, H, W), channels-last: a copy."""
        return _rows(self.pool, self.positions)

    def subset(self, indices: Tensor) -> "ImageSet":
        """The images at `indices` (int64 positions within this set), in that order."""
        indices = indices.cpu()
        at = indices.to(self.labels.device)
        return ImageSet(self.pool, self.labels[at], self.ids[at], self.positions[indices])


def _image_set(pool: Any, labels: Tensor, ids: Tensor, positions: Tensor) -> ImageSet:
    return ImageSet(from_portable(pool), labels, ids, positions)


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageSplits:
    """A data set: its classes, its three splits, how it is normalised and augmented.

    The splits are parts of one pool. `mean` and `std` are those of the training pixels, a channel at a
    time, scaled to 0..1, unless the set has fixed ones. `sizes` are the elastic resolutions that suit
    the set. `levels` scaled its images of more than 8 bits (None: it has none); images that come later are
    scaled alike. `valid_fraction` is the validating share that was asked for, None where the splits are those
    that the set has anyway. `changed_classes` are those whose images were of another class when they were
    first seen. Batches are made on `device`. `report` is the look that was taken at the images
    and `index` has a row for each image of the pool (natv2.images.looking says which columns); None where the
    images come from no source. Raises ValueError where the splits have different pools.
    """

    name: str
    class_names: tuple[str, ...]
    mean: Channels
    std: Channels
    augmentation: Augmentation
    train: ImageSet
    valid: ImageSet
    test: ImageSet
    sizes: Sizes = THESIS_SIZES
    levels: Levels | None = None
    valid_fraction: float | None = None
    changed_classes: tuple[str, ...] = ()
    device: torch.device | str = "cpu"
    report: ImageReport | None = None
    index: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Check that there is one pool."""
        if not self.train.pool is self.valid.pool is self.test.pool:
            raise ValueError("the splits of a data set are parts of one pool")

    def train_and_valid(self) -> ImageSet:
        """Training and validation images together, training first."""
        both = (self.train, self.valid)
        return ImageSet(
            self.train.pool,
            torch.cat([part.labels for part in both]),
            torch.cat([part.ids for part in both]),
            torch.cat([part.positions for part in both]),
        )

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
        mean, std = channel_statistics(train)
        return replace(
            self,
            class_names=tuple(class_names),
            mean=mean,
            std=std,
            train=train,
            valid=valid,
            test=test,
            report=None,
            index=None,
        )

    def to(self, device: torch.device | str) -> "ImageSplits":
        """The same splits with batches on `device`; the pool goes there too where there is room for it."""
        device = torch.device(device)
        pool = self.train.pool
        if device.type != "cuda" or 2 * pool.numel() > torch.cuda.mem_get_info(device)[0]:
            return replace(self, device=device)
        pool = moved(pool, device)
        parts = {name: replace(getattr(self, name), pool=pool) for name in SPLITS}
        return replace(self, device=device, **parts)


def channel_statistics(images: ImageSet) -> tuple[Channels, Channels]:
    """Mean and standard deviation of each channel of `images`, pixels in 0..1."""
    # From a histogram: exact, and without a float copy of a large data set.
    counts = torch.zeros(3, 256, dtype=torch.float64)
    for indices in torch.split(torch.arange(len(images)), _CHUNK):
        pixels = images.subset(indices).images
        for channel in range(3):
            counts[channel] += torch.bincount(pixels[:, channel].flatten(), minlength=256).cpu()
    shares = counts / counts.sum(dim=1, keepdim=True)
    levels = torch.arange(256, dtype=torch.float64) / 255
    means = (shares * levels).sum(dim=1)
    deviations = (shares * (levels - means[:, None]) ** 2).sum(dim=1).sqrt()
    return _channels(means), _channels(deviations)


def _channels(values: Tensor) -> Channels:
    red, green, blue = values.tolist()
    return red, green, blue


def _rows(pool: Tensor, positions: Tensor) -> Tensor:
    # A stored image is one stretch of memory in channels-last order.
    return pool.permute(0, 2, 3, 1)[send(positions, pool.device)].permute(0, 3, 1, 2)


def _relabelled(images: ImageSet, old: Sequence[int]) -> ImageSet:
    wanted = torch.tensor(old)
    part = images.subset(torch.isin(images.labels, wanted).nonzero().flatten())
    return replace(part, labels=(part.labels[:, None] == wanted).int().argmax(dim=1))
