"""What becomes of the logits of subnets that are evaluated together: their right answers are counted."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from natv2.bar import Bar
from natv2.exits.ensembles import ensemble
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
    """Counts right answers of `members`, architectures by their positions, as their heads give logits."""

    def __init__(self, members: Mapping[int, Architecture], weights: Sequence[float], bar: Bar) -> None:
        self.labels: Sequence[Tensor] = ()
        self._members, self._weights, self._bar = members, weights, bar
        self._correct = dict.fromkeys(members, 0)
        self._seen = dict.fromkeys(members, 0)
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
        pairs = zip(logits, self.labels, strict=True)
        hits = [(output.argmax(dim=1) == labels).sum() for output, labels in pairs]
        self._correct[position] += int(torch.stack(hits).sum())
        self._seen[position] += sum(len(labels) for labels in self.labels)
        self._bar.advance(f"top-1 {100 * self._correct[position] / self._seen[position]:.1f} %")

    def results(self) -> dict[int, float]:
        """Right answers over all answers of each."""
        return {position: self._correct[position] / seen for position, seen in self._seen.items()}
