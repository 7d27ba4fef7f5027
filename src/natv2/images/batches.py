"""Batches of images that are rendered at whatever resolution is asked of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from natv2.devices import send
from natv2.images.augmentation import Augmentation
from natv2.images.config import CalibrationConfig
from natv2.images.datasets import Channels
from natv2.images.image_set import ImageSet, ImageSplits
from natv2.images.transforms import padded_crops, random_boxes, render
from natv2.randomness import torch_generator

_PIXELS = 1 << 22  # of the images that are evaluated together: 500 of 64 x 64 pixels, 64 of 256 x 256


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Images of one step with their `labels` and `ids`, both int64 (N,).

    `boxes` are the images' crops (None: whole images). Each image keeps its crop whatever the
    resolution; every resolution is rendered once and kept as long as the batch.
    """

    pixels: Tensor
    labels: Tensor
    ids: Tensor
    mean: Channels
    std: Channels
    boxes: Tensor | None = None
    _rendered: dict[int, Tensor] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.labels)

    def rows(self, start: int, stop: int) -> "Batch":
        """The images from row `start` up to `stop`."""
        if (start, stop) == (0, len(self)):
            return self
        part = slice(start, stop)
        boxes = None if self.boxes is None else self.boxes[part]
        return replace(
            self, pixels=self.pixels[part], labels=self.labels[part], ids=self.ids[part], boxes=boxes
        )

    def normalised(self, mean: Channels, std: Channels) -> "Batch":
        """These images for a network that expects this normalisation."""
        return self if (mean, std) == (self.mean, self.std) else replace(self, mean=mean, std=std)

    def at(self, resolution: int) -> Tensor:
        """The images, normalised: float32 (N, 3, resolution, resolution), channels-last."""
        if resolution not in self._rendered:
            self._rendered[resolution] = render(self.pixels, self.boxes, resolution, self.mean, self.std)
        return self._rendered[resolution]


@dataclass(frozen=True, eq=False)
class Epochs:
    """The epochs of `part` of `images`, shuffled and augmented: called with an epoch's number, its batches.

    `purpose` tells their draws from those of other loops. `balanced` draws as many images, with
    replacement, where all classes are as likely.
    """

    images: ImageSplits
    part: ImageSet
    batch_size: int
    seed: int
    purpose: str
    balanced: bool = False

    @property
    def steps(self) -> int:
        """How many batches an epoch has."""
        return steps_per_epoch(self.part, self.batch_size)

    def __call__(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch."""
        return training_batches(
            self.images,
            self.part,
            batch_size=self.batch_size,
            seed=self.seed,
            purpose=self.purpose,
            epoch=epoch,
            balanced=self.balanced,
        )


def steps_per_epoch(images: ImageSet, batch_size: int) -> int:
    """How many batches `training_batches` makes of `images`."""
    return len(_training_sizes(len(images), batch_size))


def largest_batch(images: int, batch_size: int) -> int:
    """The images of the largest batch that training makes of so many."""
    return max(_training_sizes(images, batch_size), default=0)


def training_batches(
    splits: ImageSplits,
    images: ImageSet,
    *,
    batch_size: int,
    seed: int,
    purpose: str,
    epoch: int,
    balanced: bool = False,
) -> Iterator[Batch]:
    """One epoch of `images` (of `splits`, any part of it), shuffled and augmented.

    A batch is a function of (seed, purpose, epoch, its step) alone. A last batch of fewer than half
    of `batch_size` images, or of one, is dropped for the sake of batch norm, unless it is the only one.
    """
    generator = torch_generator(seed, purpose, epoch, "order")
    if balanced:
        shares = 1 / torch.bincount(images.labels.cpu())[images.labels.cpu()].double()
        order = torch.multinomial(shares, len(images), replacement=True, generator=generator)
    else:
        order = torch.randperm(len(images), generator=generator)
    sizes = _training_sizes(len(images), batch_size)
    for step, indices in enumerate(torch.split(order[: sum(sizes)], sizes)):
        batch = _batch(splits, images, indices)
        yield augmented(batch, splits.augmentation, torch_generator(seed, purpose, epoch, "crops", step))


def augmented(batch: Batch, augmentation: Augmentation, generator: torch.Generator) -> Batch:
    """`batch` with a crop for each image, and its pixels changed as `augmentation` says."""
    boxes = random_boxes(len(batch), augmentation, generator)
    pixels = batch.pixels
    if augmentation.pad:
        pixels = padded_crops(pixels, augmentation.pad, generator)
    if augmentation.auto != "none":
        from natv2.images.auto_augment import auto_augment  # torchvision's, which takes seconds

        pixels = auto_augment(pixels, augmentation.auto, generator)
    return replace(batch, pixels=pixels, boxes=boxes)


@dataclass(frozen=True, kw_only=True, eq=False)
class EvaluationBatches:
    """All of `images` (of `splits`, any part of it) in order, whole; can be gone through again and again.

    Batches are made anew each time: those of a large set at every resolution would fill the memory.
    """

    splits: ImageSplits
    images: ImageSet
    batch_size: int

    def __len__(self) -> int:
        """How many batches there are."""
        return -(-len(self.images) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """The batches from the first on."""
        for indices in torch.split(torch.arange(len(self.images)), self.batch_size):
            yield _batch(self.splits, self.images, indices)


def evaluation_batches(splits: ImageSplits, images: ImageSet, batch_size: int) -> EvaluationBatches:
    """Batches of all of `images` (of `splits`, any part of it) in order, whole; of large images fewer."""
    height, width = images.pool.shape[2:]
    most = max(1, _PIXELS // (height * width))
    return EvaluationBatches(splits=splits, images=images, batch_size=min(batch_size, most))


def calibration_batches(splits: ImageSplits, config: CalibrationConfig, seed: int) -> list[Batch]:
    """So many whole training images (all of them, if there are fewer), the same for the same `seed`.

    A small last batch is dropped as in training: its statistics would count as much as the others'.
    """
    order = torch.randperm(len(splits.train), generator=torch_generator(seed, "calibration"))
    order = order[: config.images]
    sizes = _training_sizes(len(order), config.batch_size)
    return [_batch(splits, splits.train, indices) for indices in torch.split(order[: sum(sizes)], sizes)]


def _training_sizes(images: int, batch_size: int) -> list[int]:
    whole, rest = divmod(images, batch_size)
    sizes = [batch_size] * whole
    if rest and (not whole or (rest > 1 and 2 * rest >= batch_size)):
        sizes.append(rest)
    return sizes


def _batch(splits: ImageSplits, images: ImageSet, indices: Tensor) -> Batch:
    part = images.subset(indices)
    return Batch(
        pixels=send(part.images, splits.device),
        labels=send(part.labels, splits.device),
        ids=part.ids,
        mean=splits.mean,
        std=splits.std,
    )
