"""The parameters that bear on a pipeline: those that its nodes and images ask for."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from kedro.pipeline import Pipeline

from natv2.aep.config import AepTraining
from natv2.config import Config
from natv2.objectives.goal import Goal
from natv2.run import Run
from natv2.runs.checking import flattened
from natv2.runs.parameters import Parameters
from natv2.shrinking.config import Training

_PREFIX = "params:"
_BLOCKS: Mapping[str, type[Config]] = MappingProxyType(
    {"run": Run, "training": Training, "goal": Goal, "aep_training": AepTraining}
)
_SOURCE, _TARGET = ("source", "source_path", "images"), ("dataset", "data_path", "images")
_OF_ENTRIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "source_images": _SOURCE,
        "narrow.supernet": ("source",),
        "wide.supernet": ("source",),
        "target_images": _TARGET,
        "aep_images": _TARGET,
        "ofa_supernets": ("import_ofa",),
    }
)
"""What the catalog makes these entries of."""


def used_parameters(pipeline: Pipeline, parameters: Parameters) -> dict[str, Any]:
    """Those of `parameters` that `pipeline` uses, flat under dotted names; the seed and a budget always."""
    names = {"seed", *(["budget"] if parameters.budget is not None else [])}
    for entry in pipeline.inputs():
        names |= set(_OF_ENTRIES.get(entry, ()))
        if entry.startswith(_PREFIX):
            asked = entry.removeprefix(_PREFIX)
            names |= set(_BLOCKS[asked].model_fields) if asked in _BLOCKS else {asked}
    flat = flattened(parameters.model_dump(exclude={"fresh"}))
    return {
        name: value
        for name, value in flat.items()
        if any(name == asked or name.startswith(f"{asked}.") for asked in names)
    }
