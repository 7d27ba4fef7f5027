"""What bears on a pipeline: which parameters, and which entries that others have made.

Runs of a pipeline that differ only in what does not bear on it are one run: the supernets of a source are
trained once, for however many data sets are searched from them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from natv2.aep.config import AepTraining
from natv2.exits.weightings import exit_weights
from natv2.runs.parameters import Parameters
from natv2.shrinking.config import Training

_NEVER = frozenset(("fresh", "threads", "workers", "hosts", "rendezvous"))  # by whom, not what is computed
_ALWAYS = ("seed", "device", "precision", "images", "budget")
_SOURCE = ("source", "source_path")
_TARGET = ("dataset", "data_path")
_OF_SUPERNETS = frozenset((*Training.model_fields, *_ALWAYS, *_SOURCE, "widths"))
_OF_EXITS = frozenset((*AepTraining.model_fields, *_ALWAYS, *_TARGET))
_KNOWN: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "ofav2_eps": _OF_SUPERNETS,
        "ofav2_plan": _OF_SUPERNETS,
        "aep": _OF_EXITS,
        "aep_export": _OF_EXITS | {"export", "baselines"},
        "ofav2_compare": frozenset(_SOURCE),
        "natv2_compare": frozenset(_SOURCE),
        "aep_compare": frozenset(),
    }
)
_OTHERS = frozenset(Parameters.model_fields) - set(AepTraining.model_fields) - _NEVER

READ: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "natv2_search": {
            "ofav2_eps": ("narrow.supernet", "wide.supernet"),
            "import_ofa": ("narrow.supernet", "wide.supernet"),
        },
        "baselines": {"natv2_search": ("front",)},
        "postprocess": {"natv2_search": ("front",)},
        "postprocess_study": {"natv2_search": ("front",)},
        "predictor_study": {"natv2_search": ("narrow.adapted_supernet", "wide.adapted_supernet")},
        "rank_study": {"natv2_search": ("archive",)},
        "export": {"postprocess": ("finished_networks",)},
        "aep_export": {"aep": ("aep_finished",)},
    }
)
"""What a pipeline reads of others: the entries by which all else follows that was made with them."""


def bearing(pipeline: str) -> frozenset[str]:
    """Names of the parameters that bear on `pipeline`."""
    return _KNOWN.get(pipeline, _OTHERS)


def bearing_values(pipeline: str, parameters: Parameters) -> dict[str, Any]:
    """The values that bear on `pipeline`, JSON-ready, with the places of its images."""
    names = bearing(pipeline)
    values = parameters.model_dump(mode="json", include=set(names))
    places = {"source": parameters.source_place, "dataset": parameters.target_place}
    return values | {f"{name}_place": str(place()) for name, place in places.items() if name in names}


def bearing_params(pipeline: str, params: Mapping[str, Any], parameters: Parameters) -> dict[str, Any]:
    """Those of the given `params` that a run of `pipeline` is to have; `parameters` are all with them."""
    names = bearing(pipeline)
    if "source" in names and parameters.source == parameters.dataset:
        names |= {*_TARGET}  # the images of the source may be where those of the data set are said to be
    return {name: value for name, value in params.items() if name.partition(".")[0] in names}


def shared_work(pipeline: str, parameters: Parameters) -> frozenset[str]:
    """Marks of trainings that runs of `pipeline` have in common: the first makes them, others take them."""
    if pipeline != "aep":
        return frozenset()
    images = (parameters.dataset, str(parameters.target_place()), parameters.aep.resolution)
    network = f"{parameters.network} {parameters.scenario} {parameters.seed} {images}"
    losses = exit_weights(parameters.weights, 2).loss  # of any number of exits: equal where these are
    return frozenset({f"baseline {network}", f"ensemble {network} {losses} {parameters.aep.extras()}"})
