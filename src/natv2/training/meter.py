"""How many of the images that a training step has seen were right (Algorithm 3.1)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from natv2.exits.ensembles import ensemble
from natv2.ranks.world import world

Seen = Callable[[Sequence[Tensor], Tensor], None]
"""Is shown what a network in training says: logits (N, classes) of each exit, and the labels (N,)."""


def unseen(logits: Sequence[Tensor], labels: Tensor) -> None:
    """Of a step that nobody watches."""


class RightAnswers:
    """Right answers of all networks that were trained, each as it was; of several exits their ensemble's."""

    def __init__(self, weights: tuple[float, ...]) -> None:
        self._weights = weights
        self._right, self._answers = torch.zeros((), dtype=torch.int64), 0

    @torch.no_grad()
    def __call__(self, logits: Sequence[Tensor], labels: Tensor) -> None:
        """Count a network's answers to a batch."""
        output = ensemble(logits, self._weights) if len(logits) > 1 else logits[0]
        # Kept where they are: a GPU is not waited for.
        self._right = self._right.to(labels.device) + (output.argmax(dim=1) == labels).sum()
        self._answers += len(labels)

    def take(self) -> dict[str, float]:
        """`train_accuracy`, a fraction, on all ranks since the last taking; starts again from nothing."""
        right, answers = world().sum(torch.tensor([int(self._right), self._answers])).tolist()
        accuracy = right / max(1, answers)
        self._right, self._answers = torch.zeros_like(self._right), 0
        return {"train_accuracy": accuracy}
