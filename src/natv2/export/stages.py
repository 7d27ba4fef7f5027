"""A network that stops early, cut into what is computed up to each of its exits."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from natv2.exits.early_classifier import EarlyClassifier
from natv2.exits.leaving import stopped
from natv2.export.deployable import Deployable
from natv2.finished_network import Classifier


def stops(classifier: Classifier) -> bool:
    """Whether images leave `classifier` early."""
    return isinstance(classifier, EarlyClassifier) and classifier.stops


def stopping_classifier(classifier: Classifier) -> EarlyClassifier:
    """`classifier`, of which it is known that it stops."""
    assert isinstance(classifier, EarlyClassifier)
    return classifier


class Stage(nn.Module):
    """The stages of a network up to an exit, from the one before it, and its head."""

    def __init__(self, stages: Sequence[nn.Module], head: nn.Module, *, is_last: bool) -> None:
        super().__init__()
        self.stages, self.head, self.is_last = nn.Sequential(*stages), head, is_last

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map what comes in to logits and, unless it is the last, features."""
        x = self.stages(x)
        return (self.head(x),) if self.is_last else (self.head(x), x)


def stages_of(deployed: Deployable) -> Iterator[Stage]:
    """The stage up to each exit, in evaluation mode."""
    network: Any = stopping_classifier(deployed.network.classifier).network
    for start, end in pairwise((0, *network.exits)):
        is_last = end == network.exits[-1]
        stages, head = network.stage_parts[start:end], network.heads[str(end)]
        yield Stage(stages, head, is_last=is_last).eval()


def left_early(deployed: Deployable, logits: Sequence[Tensor]) -> NDArray[np.float32]:
    """The logits (N, classes) that images leave with, of those that each exit gives."""
    classifier = stopping_classifier(deployed.classifier)
    left, _ = stopped(torch.stack(list(logits)), classifier.header.weights, classifier.stopping())
    found: NDArray[np.float32] = left.numpy()
    return found


def stage_notes(deployed: Deployable) -> list[Mapping[str, str]]:
    """What the metadata of each stage say of it: its exit, of how many, its weight and its threshold."""
    classifier = stopping_classifier(deployed.classifier)
    weights, thresholds = classifier.header.weights, classifier.stopping().thresholds
    return [
        {
            "exit": str(number),
            "exits": str(len(weights)),
            "weight": json.dumps(weight),
            "threshold": json.dumps(threshold),
        }
        for number, (weight, threshold) in enumerate(zip(weights, thresholds, strict=True), start=1)
    ]
