"""Losses beyond Equation 4.2: weights that are learned, and exits that are to differ."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from natv2.exits.ensembles import ensemble


class LearnedWeights(nn.Module):
    """Weights of the exits' losses that are learned with the network (Kendall, Gal and Cipolla, 2018).

    Each exit has an uncertainty s = log σ²: the loss is Σ exp(-s)·L + s, which weighs little what stays
    uncertain. That is twice the paper's form for regression, L / 2σ² + log σ; its form for classification,
    L / σ² + log σ, ends in s / 2. At first the weights are those given (α).
    """

    def __init__(self, weights: Sequence[float]) -> None:
        super().__init__()
        self.uncertainties = nn.Parameter(torch.tensor([-math.log(weight) for weight in weights]))

    def forward(self, losses: Sequence[Tensor]) -> Tensor:
        """The loss of the network, given its exits' losses."""
        stacked = torch.stack(list(losses))
        return ((-self.uncertainties).exp() * stacked + self.uncertainties).sum()

    @property
    def weights(self) -> tuple[float, ...]:
        """What the exits' losses count now, with sum 1."""
        return tuple((-self.uncertainties).detach().softmax(dim=0).tolist())


def similarity(logits: Sequence[Tensor]) -> Tensor:
    """How alike the exits' predictions are: minus their mean squared distance from their mean.

    The penalty of negative correlation learning (Liu and Yao, 1999), on class probabilities; 0 where all
    exits say the same, less where they differ.
    """
    predictions_ENC = torch.stack([output.softmax(dim=1) for output in logits])
    distances = predictions_ENC - predictions_ENC.mean(dim=0)
    return -distances.square().sum(dim=2).mean()


def network_loss(
    logits: Sequence[Tensor],
    labels: Tensor,
    weights: Sequence[float],
    learned: LearnedWeights | None = None,
    diversity: float = 0.0,
) -> Tensor:
    """Σ α·L (Equation 4.2), or by `learned` weights, with `diversity` times the exits' `similarity`."""
    losses = [cross_entropy(output, labels) for output in logits]
    loss = ensemble(losses, weights) if learned is None else learned(losses)
    return loss + diversity * similarity(logits) if diversity > 0 else loss
