"""Typed parameters and checkpoints for calls of the pipelines' node functions."""

from collections.abc import Mapping
from typing import Any

from kedro.config import OmegaConfigLoader

from natv2.images.image_set import ImageSplits
from natv2.runs.checking import validate_parameters
from natv2.runs.parameters import Parameters
from natv2.settings import CONFIG_LOADER_ARGS
from natv2.supernets.checkpoint import Checkpoint
from tests.pipelines.project import REPOSITORY, merged
from tests.tiny import new_supernet

TINY: Mapping[str, Any] = {
    "eps": {"resolutions": [16], "batch_size": 16, "calibration": {"images": 16, "batch_size": 16}},
    "search": {
        "turns": 1,
        "resolutions": [16],
        "batch_size": 16,
        "calibration": {"images": 16, "batch_size": 16},
        "archive_size": 8,
        "pre_processing": 1,
        "candidates": 2,
        "top": 4,
    },
    "postprocess": {"batch_size": 16, "max_epochs": 1},
}


def parameters(**changes: Any) -> Parameters:
    """Those of conf/test, TINY and `changes`."""
    loader = OmegaConfigLoader(conf_source=str(REPOSITORY / "conf"), env="test", **CONFIG_LOADER_ARGS)
    return validate_parameters(merged(merged(loader["parameters"], TINY), changes))


def family(design: str, images: ImageSplits) -> tuple[Checkpoint, Checkpoint]:
    """Untrained supernets of `design` for the classes of `images`, narrow and wide."""
    narrow, wide = (
        Checkpoint.of(
            new_supernet(design, width), classes=images.class_names, phase="full", origin={"source": "tiny"}
        )
        for width in (0.1, 0.2)
    )
    return narrow, wide
