"""Checkpoints for calls of the pipelines' node functions."""

from natv2.images.image_set import ImageSplits
from natv2.supernets.checkpoint import Checkpoint
from tests.tiny import new_supernet


def family(design: str, images: ImageSplits) -> tuple[Checkpoint, Checkpoint]:
    """Untrained supernets of `design` for the classes of `images`, narrow and wide."""
    narrow, wide = (
        Checkpoint.of(
            new_supernet(design, width), classes=images.class_names, phase="full", origin={"source": "tiny"}
        )
        for width in (0.1, 0.2)
    )
    return narrow, wide
