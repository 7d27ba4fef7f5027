"""Images as MLflow's data sets: their name, their fingerprint, and how many of them are where."""

import json
from typing import Any

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from mlflow.entities import Dataset, DatasetInput, InputTag

from natv2.catalog.images import ImagesDataset
from natv2.images.listing import SPLITS
from natv2.images.look import ImageReport

_DIGEST = 12  # characters: enough to tell sets apart, few enough for a column; the source has them all


def as_dataset(context: str, look: ImageReport) -> DatasetInput:
    """What `look` says of images that are the `context` of a run, such as its target."""
    profile = {f"images_{split}": look.total(split) for split in SPLITS} | {"classes": len(look.counts)}
    dataset = Dataset(
        name=look.name,
        digest=look.fingerprint[:_DIGEST],
        source_type="natv2",
        source=json.dumps({"title": look.title, "fingerprint": look.fingerprint}),
        profile=json.dumps(profile),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])


def images_read(pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> dict[str, ImageReport]:
    """The looks at the images that `pipeline` reads, by what they are to it: source, target, aep."""
    datasets = {name: catalog.get(name) for name in sorted(pipeline.inputs()) if name.endswith("_images")}
    images = {name: each.load() for name, each in datasets.items() if isinstance(each, ImagesDataset)}
    looks = {name.removesuffix("_images"): each.report for name, each in images.items()}
    return {name: look for name, look in looks.items() if look is not None}
