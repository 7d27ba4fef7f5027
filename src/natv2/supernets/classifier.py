"""Finished networks: a file that rebuilds into a classifier in one call, without a supernet."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from natv2.exits.weightings import ensemble
from natv2.images.image_set import Channels
from natv2.images.transforms import prepare
from natv2.spaces.architecture import Architecture
from natv2.spaces.design import Design
from natv2.supernets.network import Network

KIND = "network"

Stored = tuple[Mapping[str, Tensor], Mapping[str, Any]]
"""Tensors and JSON-ready header of a network, as its file has them."""


@dataclass(frozen=True, kw_only=True)
class NetworkHeader:
    """What a finished network's file says beside its weights: `design` and `architecture` as their `to_dict`.

    `mean` and `std` normalise pixels in 0..1; `weights` weigh the exits, where there are several;
    `record` holds how it was found and trained, for people.
    """

    design: Mapping[str, Any] | str
    architecture: Mapping[str, Any]
    class_names: Sequence[str]
    mean: Channels
    std: Channels
    weights: Sequence[float] = (1.0,)
    record: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {"kind": KIND, **asdict(self)}


class Classifier(nn.Module):
    """A network with what it expects of its images: their size and their normalisation."""

    def __init__(self, network: Network, header: NetworkHeader) -> None:
        super().__init__()
        self.network, self.header = network, header
        self.class_names = tuple(header.class_names)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, 3, H, W), uint8 or floats in 0..1, of any size, to logits (N, classes)."""
        resolution, mean, std = self.network.architecture.resolution, self.header.mean, self.header.std
        x = prepare(images, resolution, mean, std)
        return ensemble(self.network(x), self.header.weights)


def build_classifier(tensors: Mapping[str, Tensor], header: NetworkHeader) -> Classifier:
    """The classifier of a finished network's weights and header."""
    architecture = Architecture.from_dict(dict(header.architecture))
    network = Network(Design.from_dict(header.design), architecture, len(header.class_names))
    network.load_state_dict(dict(tensors), assign=True)
    network.to(memory_format=torch.channels_last)
    return Classifier(network, header).eval()
