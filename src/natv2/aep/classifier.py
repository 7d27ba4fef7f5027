"""Finished multi-exit networks: what their files hold, and the classifiers that are built of it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from natv2.aep.network.backbones import multi_exit_network, unfilled_network
from natv2.aep.network.multi_exit import MultiExitNetwork
from natv2.exits.early_classifier import EarlyClassifier, check_thresholds
from natv2.finished_network import (
    HEADER,
    LARGEST_RESOLUTION,
    Build,
    Classifier,
    NetworkHeader,
    StoredNetwork,
)
from natv2.randomness import process_generator

MOST_EXITS = 100


@dataclass(frozen=True, kw_only=True, config=HEADER)
class MultiExitHeader(NetworkHeader):
    """`network` is its name (`natv2.aep.network.names`), that of a person's own is never looked up.

    `modules` are those that its exits followed before it was cut, `kept` the exits it has now. `thresholds`
    let images leave early, where they were calibrated. Raises ValueError where these do not fit each other.
    """

    network: str
    modules: Annotated[tuple[str, ...], Field(min_length=1, max_length=MOST_EXITS)]
    kept: tuple[int, ...]
    resolution: Annotated[int, Field(ge=1, le=LARGEST_RESOLUTION)]
    thresholds: tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        there = range(1, len(self.modules) + 1)
        if not self.kept or list(self.kept) != sorted(set(self.kept) & set(there)):
            raise ValueError(f"kept {list(self.kept)}: allowed are some of {list(there)}, ascending")
        self.check_weights(len(self.kept))
        check_thresholds(self.thresholds, len(self.kept))
        return self


class MultiExitClassifier(EarlyClassifier, Classifier, kind="multi_exit_network", header=MultiExitHeader):
    """A multi-exit network; with thresholds each image leaves when an exit is sure."""

    network: MultiExitNetwork
    header: MultiExitHeader

    @property
    def resolution(self) -> int:
        """That of its training."""
        return self.header.resolution

    def cut_to(self, kept: Sequence[int]) -> "MultiExitClassifier":
        """The network with its exits `kept` alone, which keep their weights (section 4.1)."""
        weights = dict(zip(self.header.kept, self.header.weights, strict=True))
        header = replace(self.header, kept=tuple(kept), weights=tuple(weights[exit] for exit in kept))
        return MultiExitClassifier(self.network.keep(kept), header)

    @classmethod
    def build(cls, stored: StoredNetwork, build: Build | None = None) -> Self:
        """The classifier of a multi-exit network's weights and header.

        `build` makes a network of a person's own for a number of classes: without it, `network` must be in
        our tables. Raises UserError where it is not, or header and weights do not fit each other.
        """
        header = cls.header_of(stored)
        classes, resolution, modules = len(header.class_names), header.resolution, header.modules
        with process_generator():  # the weights that it is built with are thrown away
            if build is None:
                network = unfilled_network(header.network, classes, resolution=resolution, exits=modules)
            else:
                network, _ = multi_exit_network(
                    header.network, classes, resolution=resolution, exits=modules, build=build
                )
        return cls.with_tensors(network.keep(header.kept), header, stored.tensors)
