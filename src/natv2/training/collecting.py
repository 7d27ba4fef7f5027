"""What becomes of the logits of subnets that are evaluated together: their right answers are counted."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from natv2.bar import Bar
from natv2.exits.ensembles import ensemble
from natv2.images.balance import accuracy_of_counts
from natv2.objectives.metric import METRICS, Metric
from natv2.spaces.architecture import Architecture

T = TypeVar("T")


class Collector(Protocol[T]):
    """Takes the logits of some architectures, by their positions, exit after exit and round after round."""

    labels: Sequence[Tensor]
    """Those of the images that are on their way."""

    def __call__(self, position: int, exit: int, logits: list[Tensor]) -> None:
        """Take the logits (N, classes) that an exit gives of each batch of images."""

    def results(self) -> dict[int, T]:
        """What it has made of them, when all images have gone through."""


Collecting = Callable[[Mapping[int, Architecture], Sequence[float], Bar], Collector[T]]
"""Makes one for architectures by their positions, exit weights and a bar that it advances."""


class CountRight:
    """Counts right answers of `members`, architectures by their positions, as their heads give logits.

    They are counted by class: what they come to is accuracy by `metric`.
    """

    def __init__(
        self,
        members: Mapping[int, Architecture],
        weights: Sequence[float],
        bar: Bar,
        metric: Metric = "top1",
    ) -> None:
        self.labels: Sequence[Tensor] = ()
        self._members, self._weights, self._bar, self._metric = members, weights, bar, metric
        self._counts: dict[int, NDArray[np.int64]] = {}
        self._earlier: dict[int, list[list[Tensor]]] = {}

    def __call__(self, position: int, exit: int, logits: list[Tensor]) -> None:
        """Take the logits of an exit; an ensemble is counted when its last exit has given its own."""
        exits = self._members[position].exits
        if len(exits) > 1:
            given = self._earlier.setdefault(position, [])
            given.append(logits)
            if exit != exits[-1]:
                return
            logits = [ensemble(outputs, self._weights) for outputs in zip(*given, strict=True)]
            del self._earlier[position]
        self.count(position, logits)
        self._bar.advance(f"{METRICS[self._metric].word} {100 * self._accuracy(position):.1f} %")

    def count(self, position: int, logits: Sequence[Tensor]) -> None:
        """Count what logits are right about of the images that are on their way."""
        labels = torch.cat(list(self.labels))
        right = torch.cat([output.argmax(dim=1) for output in logits]) == labels
        counted = torch.stack([right.long(), torch.ones_like(labels)])
        counts = counted.new_zeros(2, logits[0].shape[1]).index_add_(1, labels, counted)
        self._counts[position] = self._counts.get(position, 0) + counts.cpu().numpy()

    def results(self) -> dict[int, float]:
        """The accuracy of each."""
        return {position: self._accuracy(position) for position in self._counts}

    def _accuracy(self, position: int) -> float:
        right, images = self._counts[position]
        return float(accuracy_of_counts(right, images, self._metric))
