"""Configurations for tests: those of conf/test, made smaller, with whatever a test changes."""

import copy
from collections.abc import Mapping
from functools import cache
from typing import Any

from kedro.config import OmegaConfigLoader

from natv2.aep.config import AepTraining
from natv2.objectives.goal import Goal
from natv2.run import Run
from natv2.runs.checking import validate_parameters
from natv2.runs.parameters import Parameters
from natv2.settings import CONFIG_LOADER_ARGS
from natv2.shrinking.config import Training
from tests.pipelines.project import REPOSITORY, merged

RUN = Run(seed=0, device="cpu", precision="fp32", threads=1)

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
    "postprocess": {"thesis": {"batch_size": 16, "max_epochs": 1}, "full": {"batch_size": 16, "epochs": 1}},
}


@cache
def _raw() -> Mapping[str, Any]:
    loader = OmegaConfigLoader(conf_source=str(REPOSITORY / "conf"), env="test", **CONFIG_LOADER_ARGS)
    return merged(loader["parameters"], TINY)


def parameters(**changes: Any) -> Parameters:
    """Those of conf/test, TINY and `changes`."""
    return validate_parameters(copy.deepcopy(merged(_raw(), changes)))


def training(**changes: Any) -> Training:
    """The block that the nodes of `ofav2_eps` take."""
    return Training.part_of(parameters(**changes))


def goal(objectives: str = "accuracy+macs", **constraints: Any) -> Goal:
    """Objectives, and bounds by their names."""
    return Goal.model_validate({"objectives": objectives, "constraints": constraints})


def aep_training(**changes: Any) -> AepTraining:
    """The block that the nodes of `aep` take."""
    return AepTraining.part_of(parameters(**changes))
