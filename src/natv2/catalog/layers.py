"""Bands of Kedro-Viz's drawing: an entry stands in that of the stage of the journey which makes it."""

from collections.abc import Mapping
from typing import Any

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

LAYERS: Mapping[str, str] = {
    "ofav2_eps": "supernets",
    "import_ofa": "supernets",
    "natv2_search": "search",
    "baselines": "plain networks",
    "postprocess": "finishing",
    "export": "export",
}
"""By pipeline, in the order of the journey; what none of them makes goes before all: images."""

_IMAGES = "images"


def name_layers(catalog: CatalogProtocol[Any, Any], pipelines: Mapping[str, Pipeline]) -> None:
    """Give what the journey reads and writes its layer, in the metadata that Kedro-Viz reads."""
    made: dict[str, str] = {}
    for name, layer in LAYERS.items():
        pipeline = pipelines.get(name, Pipeline([]))  # a project may leave some out
        made |= dict.fromkeys(pipeline.all_outputs(), layer)
        for read in pipeline.inputs():
            if read.endswith("_images"):
                made[read] = _IMAGES
    for name, layer in made.items():
        dataset = catalog.get(name) if name in catalog else None
        if dataset is not None:
            about = getattr(dataset, "metadata", None) or {}
            dataset.metadata = {**about, "kedro-viz": {**about.get("kedro-viz", {}), "layer": layer}}
