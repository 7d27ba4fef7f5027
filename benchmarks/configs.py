"""Configurations for benchmarks: those of conf/base, the thesis's."""

from functools import cache
from pathlib import Path

from kedro.config import OmegaConfigLoader

from natv2.runs.checking import validate_parameters
from natv2.runs.parameters import Parameters
from natv2.settings import CONFIG_LOADER_ARGS

REPOSITORY = Path(__file__).parents[1]


@cache
def parameters() -> Parameters:
    """Those of conf/base alone: a person's own in conf/local change no benchmark."""
    loader = OmegaConfigLoader(conf_source=str(REPOSITORY / "conf"), env="base", **CONFIG_LOADER_ARGS)
    return validate_parameters(loader["parameters"])
