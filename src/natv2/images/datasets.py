"""The data sets that have a name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from natv2.errors import UserError
from natv2.images.image_set import Augmentation, ImageSet, ImageSplits, channel_statistics
from natv2.randomness import derived_seed


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """A whole data set, before it is split: images uint8 (N, 3, H, W), labels int64 (N,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """How a named data set is found, split and augmented.

    `load` takes the folder of raw files. The test split is `test_fraction` of all images, the
    validation split `valid_fraction` of the others; both are stratified and drawn with the seed.
    """

    description: str
    load: Callable[[Path], Decoded]
    test_fraction: float
    valid_fraction: float
    augmentation: Augmentation


def _digits(folder: Path) -> Decoded:
    # The images are inside scikit-learn: 8x8, grey, 17 levels.
    source = load_digits()
    grey = np.rint(source.images * (255 / 16)).astype(np.uint8)
    return Decoded(
        images=np.repeat(grey[:, None], 3, axis=1),
        labels=source.target.astype(np.int64),
        class_names=tuple(str(name) for name in source.target_names),
    )


DATASETS: Mapping[str, DataSet] = MappingProxyType(
    {
        "digits": DataSet(
            description="1,797 handwritten digits of 8x8 pixels, from scikit-learn (no download)",
            load=_digits,
            test_fraction=0.2,
            valid_fraction=0.2,
            augmentation=Augmentation(crop_scale=(0.85, 1.0)),
        ),
    }
)


def load_images(name: str, folder: Path, seed: int) -> ImageSplits:
    """The data set called `name`, whose raw files are in or go to `folder`, split with `seed`.

    Raises UserError on a name that is not in DATASETS.
    """
    if name not in DATASETS:
        raise UserError(f"unknown data set {name!r}; known: {', '.join(DATASETS)}")
    spec = DATASETS[name]
    decoded = spec.load(folder)
    everything = np.arange(len(decoded.labels))
    rest, test = _stratified(everything, decoded.labels, spec.test_fraction, derived_seed(seed, name, "test"))
    train, valid = _stratified(rest, decoded.labels, spec.valid_fraction, derived_seed(seed, name, "valid"))
    mean, std = channel_statistics(torch.from_numpy(decoded.images[train]))
    return ImageSplits(
        name=name,
        class_names=decoded.class_names,
        mean=mean,
        std=std,
        augmentation=spec.augmentation,
        train=_part(decoded, train),
        valid=_part(decoded, valid),
        test=_part(decoded, test),
    )


def _stratified(
    ids: NDArray[np.int64], labels: NDArray[np.int64], fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    kept, split_off = train_test_split(
        ids, test_size=fraction, stratify=labels[ids], random_state=seed % 2**32
    )
    return np.sort(kept), np.sort(split_off)


def _part(decoded: Decoded, ids: NDArray[np.int64]) -> ImageSet:
    return ImageSet(
        torch.from_numpy(decoded.images[ids]), torch.from_numpy(decoded.labels[ids]), torch.from_numpy(ids)
    )
