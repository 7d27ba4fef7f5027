"""Data sets as three splits of decoded images, and their batches at any resolution."""

from natv2.images.augmentation import Augmentation
from natv2.images.batches import (
    Batch,
    calibration_batches,
    evaluation_batches,
    steps_per_epoch,
    training_batches,
)
from natv2.images.datasets import DATASETS, DataSet
from natv2.images.image_set import ImageSet, ImageSplits, Sizes
from natv2.images.loading import load_images, set_name
from natv2.images.report import ImageReport

__all__ = [
    "DATASETS",
    "Augmentation",
    "Batch",
    "DataSet",
    "ImageReport",
    "ImageSet",
    "ImageSplits",
    "Sizes",
    "calibration_batches",
    "evaluation_batches",
    "load_images",
    "set_name",
    "steps_per_epoch",
    "training_batches",
]
