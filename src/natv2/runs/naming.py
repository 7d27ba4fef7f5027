"""What a run's folders and entries are called after."""

from typing import Any

from natv2.images.datasets import is_own
from natv2.images.loading import set_name
from natv2.runs.parameters import Parameters
from natv2.supernets.published import PUBLISHED


def source_name(parameters: Parameters) -> str:
    """What runs from supernets of `source` are filed under."""
    if parameters.source in PUBLISHED:
        return parameters.source
    return set_name(parameters.source, parameters.source_place())


def catalog_names(parameters: Parameters) -> dict[str, Any]:
    """What the catalog's entries follow, beside the parameters of the same names."""
    eps, search = parameters.eps.resolutions, parameters.search.resolutions
    narrow, wide = parameters.published_places()
    return {
        "supernet": parameters.supernet,
        "source": parameters.source,
        "dataset": parameters.dataset,
        "seed": parameters.seed,
        "network": parameters.network.replace(":", "."),
        "weights": parameters.weights,
        "scenario": parameters.scenario,
        "aep_resolution": parameters.aep.resolution,
        "aep_valid_fraction": parameters.aep.valid_fraction_of(parameters.dataset, parameters.images),
        "objectives": "+".join(parameters.objectives),
        "source_place": str(parameters.source_place()),
        "ofa_narrow": str(narrow),
        "ofa_wide": str(wide),
        "target_place": str(parameters.target_place()),
        "source_name": source_name(parameters),
        "target_name": set_name(parameters.dataset, parameters.target_place()),
        "eps_resolution": max(eps) if eps else None,
        "search_resolution": max(search) if search else None,
        "images": parameters.images.model_dump(),
    }


def readable_names(parameters: Parameters, folder: str) -> dict[str, str]:
    """What a run's folders are called after, whole where paths have it cut; of own images, where they are."""
    own = {
        name: str(place.resolve()) if is_own(chosen) else chosen
        for name, chosen, place in (
            ("source", parameters.source, parameters.source_place()),
            ("dataset", parameters.dataset, parameters.target_place()),
        )
    }
    named = ("supernet", "objectives", "preset", "network", "weights", "scenario")
    values = catalog_names(parameters) | {"preset": parameters.preset, "network": parameters.network}
    return {"folder": folder, **own, **{name: str(values[name]) for name in named}}
