"""Finished multi-exit networks: what their files hold, and the classifiers that are built of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from natv2.aep.network.backbones import Build, multi_exit_network
from natv2.aep.network.multi_exit import MultiExitNetwork
from natv2.errors import UserError
from natv2.exits.leaving import EarlyStopping, Stopping
from natv2.exits.weightings import ensemble
from natv2.images.image_set import Channels
from natv2.images.transforms import prepare
from natv2.supernets.classifier import Stored

KIND = "multi_exit_network"


@dataclass(frozen=True, kw_only=True)
class MultiExitHeader:
    """What a multi-exit network's file says beside its weights.

    `network` is its name , `modules` are those that its exits followed before it was
    cut, `kept` the exits it has now, `weights` their β. `mean` and `std` normalise pixels in 0..1;
    `thresholds` let images leave early, where they were calibrated; `record` holds how it was trained.
    """

    network: str
    modules: Sequence[str]
    kept: Sequence[int]
    weights: Sequence[float]
    resolution: int
    class_names: Sequence[str]
    mean: Channels
    std: Channels
    thresholds: Sequence[float] | None = None
    record: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {"kind": KIND, **asdict(self)}


class MultiExitClassifier(nn.Module):
    """A multi-exit network with what it expects of its images: their size and their normalisation."""

    def __init__(self, network: MultiExitNetwork, header: MultiExitHeader) -> None:
        super().__init__()
        self.network, self.header = network, header
        self.class_names = tuple(header.class_names)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, 3, H, W), uint8 or floats in 0..1, of any size, to logits (N, classes).

        With thresholds there must be one image; what it does not need is not computed.
        """
        x = prepare(images, self.header.resolution, self.header.mean, self.header.std)
        if self.header.thresholds is None:
            return ensemble(self.network(x), self.header.weights)
        return self.early_stopping().decide(x)[0]

    def stopping(self) -> Stopping:
        """The thresholds by which images leave early. Raises UserError where there are none."""
        if self.header.thresholds is None:
            raise UserError("this network was given no thresholds to stop by")
        return Stopping(thresholds=tuple(self.header.thresholds))

    def early_stopping(self) -> EarlyStopping:
        """The network, without what prepares its images, stopping early. Raises UserError as `stopping`."""
        return EarlyStopping(self.network, self.stopping(), self.header.weights)


def stored(classifier: MultiExitClassifier) -> Stored:
    """What a file holds of `classifier`."""
    return dict(classifier.network.state_dict()), classifier.header.to_dict()


def stored_header(header: Mapping[str, Any]) -> MultiExitHeader:
    """A header as its file has it. Raises UserError where it is that of another kind of network."""
    if header.get("kind") != KIND:
        raise UserError(f"a multi-exit network is needed, not a {header.get('kind')}")
    return MultiExitHeader(**{name: value for name, value in header.items() if name != "kind"})


def cut_to(classifier: MultiExitClassifier, kept: Sequence[int]) -> MultiExitClassifier:
    """`classifier` with its exits `kept` alone, which keep their weights (section 4.1)."""
    weights = dict(zip(classifier.header.kept, classifier.header.weights, strict=True))
    header = replace(classifier.header, kept=tuple(kept), weights=tuple(weights[exit] for exit in kept))
    return MultiExitClassifier(classifier.network.keep(kept), header)


def build_multi_exit(
    tensors: Mapping[str, Tensor], header: MultiExitHeader, build: Build | None = None
) -> MultiExitClassifier:
    """The classifier of a multi-exit network's weights and header, in evaluation mode.

    `build` makes a network of a person's own for a number of classes; None imports it by its name.
    Raises UserError where the weights are not those of that network.
    """
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
        network.load_state_dict(dict(tensors), assign=True)
    except RuntimeError as error:
        raise UserError(f"the weights are not those of {header.network} as built now: {error}") from None
    network.to(memory_format=torch.channels_last)
    return MultiExitClassifier(network, header).eval()
