"""The table of data sets that have a name: datasets.yml beside this file, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from natv2.images.augmentation import Augmentation

Channels = tuple[float, float, float]
"""One number for each of red, green and blue."""

OfficialPart = Literal["train", "valid", "test", "all"]
"""A part that a set comes in; `all` where nobody has split it."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Elastic resolutions of a data set: those a supernet is `trained` at and those `searched` among."""

    trained: tuple[int, ...]
    searched: tuple[int, ...]


THESIS_SIZES = Sizes(trained=(48, 56, 64), searched=(48, 52, 56, 60, 64))
"""Those of sections 5.2.2 and 6.2 (Figure 6.1)."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataArchive(_Row):
    """`file` is found under the raw folder, or fetched from `url`, and unpacked `into` a folder of it."""

    file: str
    into: str = "."
    url: str | None = None
    md5: str | None = None


class Counts(_Row):
    """Images of each split of the whole official set; of any other set, their shares."""

    train: PositiveInt
    valid: PositiveInt
    test: PositiveInt


class Normalisation(_Row):
    """Fixed statistics; where a set names none, those of its training images are taken."""

    mean: Channels
    std: Channels


class DataSet(_Row):
    """How a data set is found, split, normalised and augmented.

    `classes` is None for a person's own set, which has any number of them and whose sizes follow from
    its images. `folder` is where the reader looks, under the raw folder. `type`, `parts` and `private`
    are for the reader `torchvision`: its class, what that takes for each part, and the attributes with
    paths and labels where nothing public gives them.
    """

    title: str
    reader: str
    classes: PositiveInt | None = None
    counts: Counts
    augmentation: Augmentation
    resolutions: Sizes = THESIS_SIZES
    normalisation: Normalisation | None = None
    folder: str = "."
    archives: tuple[DataArchive, ...] = ()
    by_hand: str | None = None
    type: str | None = None
    parts: Mapping[OfficialPart, Mapping[str, Any]] = Field(default_factory=dict)
    private: tuple[str, str] | None = None


def _table() -> Mapping[str, DataSet]:
    rows = yaml.safe_load(files("natv2.images").joinpath("datasets.yml").read_text(encoding="utf-8"))
    return MappingProxyType({name: DataSet.model_validate(row) for name, row in rows.items()})


DATASETS = _table()


def is_own(name: str) -> bool:
    """Whether `name` is that of a person's own images, which have a place instead of a name."""
    return name in DATASETS and DATASETS[name].classes is None
