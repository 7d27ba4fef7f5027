"""Supernets and images small enough for many tests in little time."""

from dataclasses import dataclass
from functools import cache

import torch

from natv2.images.augmentation import Augmentation
from natv2.images.image_set import ImageSet, ImageSplits
from natv2.supernets.supernet import Supernet
from tests.designs import DESIGNS

CLASSES = 4


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """What `make_optimiser` reads of a section; by default SGD that decays and clips nothing."""

    optimizer: str = "sgd"
    momentum: float = 0.9
    weight_decay: float = 0.0
    max_gradient_norm: float | None = None


def new_supernet(name: str, width: float = 0.1, *, dropout: float = 0.0, seed: int = 0) -> Supernet:
    """A supernet none of whose tensors is at a neutral value: norms, biases and matrices are random."""
    supernet = Supernet(DESIGNS[name], width, CLASSES, dropout=dropout, seed=seed)
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for parameter in supernet.parameters():
            size = 0.3 if parameter.dim() == 1 else 0.05
            parameter += size * torch.randn(parameter.shape, generator=generator)
    return supernet


@cache
def shared_supernet(name: str, width: float = 0.1) -> Supernet:
    """`new_supernet`, made once: for tests that change nothing in it."""
    return new_supernet(name, width)


def images_of(
    *shape: int, seed: int = 0, memory_format: torch.memory_format = torch.channels_last
) -> torch.Tensor:
    """Normally distributed float images of `shape`."""
    pixels = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return pixels.contiguous(memory_format=memory_format)


def splits(train: int = 32, valid: int = 16, test: int = 16, size: int = 16, seed: int = 0) -> ImageSplits:
    """Images whose brightness tells their class; ids from 0 (train), 1,000 (valid), 2,000 (test)."""
    generator = torch.Generator().manual_seed(seed)
    counts = (train, valid, test)
    labels = torch.cat([torch.arange(count) % CLASSES for count in counts])
    noise = torch.randint(0, 100, (len(labels), 3, size, size), generator=generator)
    pool = (noise + 50 * labels[:, None, None, None]).to(torch.uint8)
    positions = torch.split(torch.arange(len(labels)), counts)

    def part(number: int) -> ImageSet:
        own = positions[number]
        return ImageSet(pool, labels[own], 1000 * number + torch.arange(len(own)), own)

    return ImageSplits(
        name="tiny",
        class_names=tuple("abcd"),
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        augmentation=Augmentation(),
        train=part(0),
        valid=part(1),
        test=part(2),
    )
