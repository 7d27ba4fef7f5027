"""A finished network as it is exported: from prepared images to logits, in plain layers, norms folded."""

import copy
from dataclasses import dataclass
from functools import cached_property

import torch
from onnx import ModelProto
from torch import Tensor, nn

from natv2.export.folding import fold_norms
from natv2.export.graph import network_graph
from natv2.export.plain_layers import replace_layers
from natv2.finished_network import Classifier


class FromPrepared(nn.Module):
    """A classifier without what prepares its images."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, x: Tensor) -> Tensor:
        """Map prepared images (N, 3, R, R) to logits (N, classes)."""
        return self.classifier.logits(x)


@dataclass(frozen=True, kw_only=True, eq=False)
class Deployable:
    """`classifier` as it was loaded, and `network`, the same in layers that all exporters know.

    `folded` is how many parameters fewer it has, its batch norms being folded; None where they could not be.
    """

    classifier: Classifier
    network: FromPrepared
    folded: int | None

    @property
    def resolution(self) -> int:
        """Pixels a side of prepared images."""
        return self.classifier.resolution

    @property
    def idle(self) -> int:
        """Parameters that exporters leave out: biases that are all 0, as before any training."""
        layers = [layer for layer in self.network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
        return sum(layer.bias.numel() for layer in layers if layer.bias is not None and not layer.bias.any())

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the logits are of, in their order."""
        return self.classifier.class_names

    @cached_property
    def graph(self) -> ModelProto:
        """The network as an ONNX graph, from prepared images to logits: made once."""
        return network_graph(self.network, self.example())

    def example(self, images: int = 2) -> Tensor:
        """Prepared images (`images`, 3, R, R) that exporters trace the network with."""
        return torch.zeros(images, 3, self.resolution, self.resolution)


def deployable(classifier: Classifier) -> Deployable:
    """What is exported of `classifier`, which stays as it is."""
    classifier = classifier.cpu().eval()
    plain = copy.deepcopy(classifier)
    replace_layers(plain.network)
    folded = fold_norms(plain.network)
    plain.requires_grad_(False)
    # Contiguous: exporters write weights in the order of their dimensions.
    plain.to(memory_format=torch.contiguous_format)
    return Deployable(classifier=classifier, network=FromPrepared(plain), folded=folded)
