"""Finished multi-exit networks: what their files hold, and the classifiers that are built of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from natv2.aep.network.backbones import multi_exit_network
from natv2.aep.network.multi_exit import MultiExitNetwork
from natv2.errors import UserError
from natv2.exits.leaving import EarlyStopping, Stopping
from natv2.finished_network import Build, Classifier, NetworkHeader, StoredNetwork


@dataclass(frozen=True, kw_only=True)
class MultiExitHeader(NetworkHeader):
    """`network` is its name (`natv2.aep.network.backbones`).

    `modules` are those that its exits followed before it was cut, `kept` the exits it has now. `thresholds`
    let images leave early, where they were calibrated.
    """

    network: str
    modules: Sequence[str]
    kept: Sequence[int]
    resolution: int
    thresholds: Sequence[float] | None = None


class MultiExitClassifier(Classifier, kind="multi_exit_network", header=MultiExitHeader):
    """A multi-exit network; with thresholds it takes one image at a time, which may leave early."""

    network: MultiExitNetwork
    header: MultiExitHeader

    @property
    def resolution(self) -> int:
        """That of its training."""
        return self.header.resolution

    def logits(self, x: Tensor) -> Tensor:
        """Map prepared images (N, 3, R, R) to logits (N, classes)."""
        return super().logits(x) if self.header.thresholds is None else self.early_stopping().decide(x)[0]

    def stopping(self) -> Stopping:
        """The thresholds by which images leave early. Raises UserError where there are none."""
        if self.header.thresholds is None:
            raise UserError("this network was given no thresholds to stop by")
        return Stopping(thresholds=tuple(self.header.thresholds))

    def early_stopping(self) -> EarlyStopping:
        """The network, without what prepares its images, stopping early. Raises UserError as `stopping`."""
        return EarlyStopping(self.network, self.stopping(), self.header.weights)

    def cut_to(self, kept: Sequence[int]) -> "MultiExitClassifier":
        """The network with its exits `kept` alone, which keep their weights (section 4.1)."""
        weights = dict(zip(self.header.kept, self.header.weights, strict=True))
        header = replace(self.header, kept=tuple(kept), weights=tuple(weights[exit] for exit in kept))
        return MultiExitClassifier(self.network.keep(kept), header)

    @classmethod
    def build(cls, stored: StoredNetwork, build: Build | None = None) -> Self:
        """The classifier of a multi-exit network's weights and header.

        `build` makes a network of a person's own for a number of classes; None imports it by its name.
        Raises UserError where the weights are not those of that network.
        """
        header = cls.header_of(stored)
        with torch.random.fork_rng(devices=[]):  # the weights a network is built with are thrown away
            network, _ = multi_exit_network(
                header.network,
                len(header.class_names),
                resolution=header.resolution,
                exits=header.modules,
                build=build,
            )
        network = network.keep(header.kept)
        try:
            network.load_state_dict(dict(stored.tensors), assign=True)
        except RuntimeError as error:
            raise UserError(f"the weights are not those of {header.network} as built now: {error}") from None
        network.to(memory_format=torch.channels_last)
        return cls(network, header).eval()
