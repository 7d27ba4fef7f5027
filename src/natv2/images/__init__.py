"""Named data sets as three splits in memory, and their batches at any resolution."""

from natv2.images.batches import (
    Batch,
    calibration_batches,
    evaluation_batches,
    steps_per_epoch,
    training_batches,
)
from natv2.images.datasets import DATASETS, DataSet, load_images
from natv2.images.image_set import Augmentation, ImageSet, ImageSplits

__all__ = [
    "DATASETS",
    "Augmentation",
    "Batch",
    "DataSet",
    "ImageSet",
    "ImageSplits",
    "calibration_batches",
    "evaluation_batches",
    "load_images",
    "steps_per_epoch",
    "training_batches",
]
