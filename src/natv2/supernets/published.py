"""Supernets that others have trained and published, as a table: a `source` that is no set of images."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from natv2.config import Config, Place
from natv2.images.datasets import Channels


@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """One of the files: the supernet's `width`, and the SHA-1 that Git gives the file's bytes as a blob."""

    name: str
    width: float
    blob: str


@dataclass(frozen=True, kw_only=True)
class PublishedSource:
    """Supernets of one origin, the narrow one first, and what a search from them has to keep to.

    `resolutions` are those that a search is offered; `mean` and `std` normalised the images they were
    trained on, in 0..1.
    """

    title: str
    place: str
    licence: str
    files: tuple[PublishedFile, ...]
    resolutions: tuple[int, ...]
    mean: Channels
    std: Channels

    @property
    def widths(self) -> tuple[float, ...]:
        """Width multipliers, the narrow one first."""
        return tuple(file.width for file in self.files)


OFA_IMAGENET = "ofa_imagenet"

PUBLISHED: Mapping[str, PublishedSource] = MappingProxyType(
    {
        OFA_IMAGENET: PublishedSource(
            title="OFA's MobileNetV3 supernets, trained on ImageNet",
            place="https://github.com/han-cai/files/tree/master/ofa/ofa_nets",
            licence="whose licence is not stated there: whether you may use them is yours to find out",
            files=(
                PublishedFile(
                    name="ofa_mbv3_d234_e346_k357_w1.0",
                    width=1.0,
                    blob="55d835981d8acd1053657a951b18887a724ddcbf",
                ),
                PublishedFile(
                    name="ofa_mbv3_d234_e346_k357_w1.2",
                    width=1.2,
                    blob="d75a3613bae216091f61fc4b7df77d49cc82ed32",
                ),
            ),
            resolutions=(128, 160, 192, 224),
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
        )
    }
)

OTHER_BLOBS: Mapping[str, str] = MappingProxyType(
    {"c97035a7a6fe611508f3bb35ffac0ef77262f5e0": "ofa_proxyless_d234_e346_k357_w1.3"}
)
"""Published files of other networks, by the same SHA-1."""


class ImportOfaConfig(Config):
    """Where OFA's two files are, in either order; None: under their own names in the folder of raw files."""

    narrow: Place | None
    wide: Place | None
