"""A finished network of a supernet's design, without the supernet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch

from natv2.finished_network import Build, Classifier, NetworkHeader, StoredNetwork
from natv2.spaces.architecture import Architecture
from natv2.spaces.design import Design
from natv2.supernets.network import Network


@dataclass(frozen=True, kw_only=True)
class SubnetHeader(NetworkHeader):
    """`design` and `architecture` as their `to_dict`."""

    design: Mapping[str, Any] | str
    architecture: Mapping[str, Any]


class SubnetClassifier(Classifier, kind="network", header=SubnetHeader):
    """A subnet, with one exit or as the ensemble of several."""

    network: Network

    @property
    def resolution(self) -> int:
        """The architecture's own."""
        return self.network.architecture.resolution

    @classmethod
    def build(cls, stored: StoredNetwork, build: Build | None = None) -> Self:
        """The classifier of a finished subnet's weights and header."""
        header = cls.header_of(stored)
        architecture = Architecture.from_dict(dict(header.architecture))
        network = Network(Design.from_dict(header.design), architecture, len(header.class_names))
        network.load_state_dict(dict(stored.tensors), assign=True)
        network.to(memory_format=torch.channels_last)
        return cls(network, header).eval()
