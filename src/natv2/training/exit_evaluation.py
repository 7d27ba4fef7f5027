"""True accuracies of all ways to use the exits of paths, from one pass through each."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from natv2.bar import Bar
from natv2.exits.variants import ExitAnswers
from natv2.images.balance import accuracy
from natv2.objectives.metric import METRICS, Metric
from natv2.spaces.architecture import Architecture
from natv2.training.evaluation import Evaluator, Family


class WayScores(NamedTuple):
    """Of each of a path's `variants`: accuracy, macro accuracy (V,), shares that leave at each exit (V, E).

    Accuracy is by the run's metric, macro accuracy always the mean of the classes' recalls.
    """

    accuracy: NDArray[np.float64]
    macro: NDArray[np.float64]
    shares: NDArray[np.float64]


def way_scores(
    evaluator: Evaluator, family: Family, paths: Sequence[Architecture], name: str
) -> list[WayScores]:
    """Those of each of `paths`, architectures with all the exits that may be used; equal ones count once."""
    once = list(dict.fromkeys(paths))
    collect = partial(_Ways, metric=evaluator.metric)
    found = dict(zip(once, evaluator.collected(family, once, name, collect), strict=True))
    return [found[path] for path in paths]


class _Ways:
    """Keeps what the exits of `members` say until all of a network's have spoken."""

    def __init__(
        self,
        members: Mapping[int, Architecture],
        weights: Sequence[float],
        bar: Bar,
        metric: Metric = "top1",
    ) -> None:
        self.labels: Sequence[Tensor] = ()
        self._members, self._bar, self._metric = members, bar, metric
        self._waiting: dict[int, list[Tensor]] = {}
        self._answers: dict[int, list[ExitAnswers]] = {position: [] for position in members}
        self._seen: list[Tensor] = []
        self._counted: Sequence[Tensor] = ()

    def __call__(self, position: int, exit: int, logits: list[Tensor]) -> None:
        """Take the logits of an exit."""
        if self._counted is not self.labels:
            self._counted = self.labels
            self._seen.append(torch.cat(list(self.labels)))
        given = self._waiting.setdefault(position, [])
        given.append(torch.cat(logits))
        if exit == self._members[position].exits[-1]:
            told = ExitAnswers.of(torch.stack(self._waiting.pop(position)), self._seen[-1])
            self._answers[position].append(told)
            first = accuracy(told.right[0].numpy(), self._seen[-1].cpu().numpy(), self._metric)
            self._bar.advance(f"{METRICS[self._metric].word} {100 * float(first):.1f} %")

    def results(self) -> dict[int, WayScores]:
        """The scores of each."""
        labels = torch.cat(self._seen).cpu()
        return {
            position: _scores(answers, labels, self._metric) for position, answers in self._answers.items()
        }


def _scores(answers: Sequence[ExitAnswers], labels: Tensor, metric: Metric) -> WayScores:
    judged = ExitAnswers.joined(answers).judged()
    counts = torch.bincount(labels).double()
    each = 1 / (counts[labels] * int((counts > 0).sum()))
    return WayScores(
        accuracy=accuracy(judged.right.numpy(), labels.numpy(), metric),
        macro=(judged.right.double() @ each).numpy(),
        shares=judged.shares.numpy(),
    )
