"""A finished network of a supernet's design, without the supernet."""

from dataclasses import replace
from typing import Any, Self

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from natv2.exits.early_classifier import EarlyClassifier, check_thresholds
from natv2.finished_network import (
    HEADER,
    LARGEST_RESOLUTION,
    Build,
    Classifier,
    NetworkHeader,
    StoredNetwork,
)
from natv2.spaces.architecture import Architecture, check_member
from natv2.spaces.design import WIDEST, Design, spelled_out
from natv2.supernets.network import Network


@dataclass(frozen=True, kw_only=True, config=HEADER)
class SubnetHeader(NetworkHeader):
    """`architecture` is one of `design`; with `thresholds` images leave it early.

    Raises ValueError where these do not fit each other, or it is too large to be meant.
    """

    design: Design
    architecture: Architecture
    thresholds: tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        architecture = self.architecture
        check_member(architecture, self.design)
        if architecture.resolution > LARGEST_RESOLUTION or architecture.width > WIDEST:
            raise ValueError(
                f"resolution {architecture.resolution}, width {architecture.width:g}: at most "
                f"{LARGEST_RESOLUTION} and {WIDEST} are allowed"
            )
        self.check_weights(len(architecture.exits))
        check_thresholds(self.thresholds, len(architecture.exits))
        return self


class SubnetClassifier(EarlyClassifier, Classifier, kind="network", header=SubnetHeader):
    """A subnet, with one exit or as the ensemble of several, which images may leave early."""

    network: Network
    header: SubnetHeader

    @property
    def resolution(self) -> int:
        """The architecture's own."""
        return self.network.architecture.resolution

    @classmethod
    def header_of(cls, stored: StoredNetwork) -> Any:
        """As of any network; files of earlier versions may name a row of Table 5.1 as their design."""
        header = {**stored.header, "design": spelled_out(stored.header.get("design"))}
        return super().header_of(replace(stored, header=header))

    @classmethod
    def build(cls, stored: StoredNetwork, build: Build | None = None) -> Self:
        """The classifier of a finished subnet's weights and header.

        Raises UserError where these do not fit each other.
        """
        header = cls.header_of(stored)
        network = Network(header.design, header.architecture, len(header.class_names))
        return cls.with_tensors(network, header, stored.tensors)
