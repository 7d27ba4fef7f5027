"""Probabilities that mean what they say: a temperature for logits, and how far they are off without it."""

import math

import scipy
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

_BINS = 15
_RANGE = (math.log(0.05), math.log(20.0))  # of temperatures; beyond, all or nothing is sure


def fit_temperature(logits_NC: Tensor, labels_N: Tensor) -> float:
    """The T for which softmax(logits / T) tells `labels` best: lowest cross-entropy (Guo et al., 2017)."""
    logits, labels = logits_NC.double(), labels_N.to(logits_NC.device)

    def loss(log_temperature: float) -> float:
        return float(cross_entropy(logits * math.exp(-log_temperature), labels))

    found = scipy.optimize.minimize_scalar(loss, bounds=_RANGE, method="bounded")
    return float(f"{math.exp(found.x):.4g}")


def calibration_error(logits_NC: Tensor, labels_N: Tensor, temperature: float = 1.0) -> float:
    """Expected calibration error, a fraction: how far confidence is from accuracy, in 15 bins of confidence.

    Bins count by their images (Naeini et al., 2015).
    """
    confidence, right, bins = _binned(logits_NC, labels_N, temperature)
    gaps = torch.zeros(_BINS, dtype=torch.float64, device=bins.device).index_add_(0, bins, right - confidence)
    return float(gaps.abs().sum() / len(labels_N))


def reliability(
    logits_NC: Tensor, labels_N: Tensor, temperature: float = 1.0
) -> list[tuple[int, float, float]]:
    """Of each bin that has images, the surer ones last: how many, their mean confidence, the share right."""
    confidence, right, bins = _binned(logits_NC, labels_N, temperature)
    members = [bins == number for number in range(_BINS)]
    return [
        (int(here.sum()), float(confidence[here].mean()), float(right[here].mean()))
        for here in members
        if here.any()
    ]


def _binned(logits_NC: Tensor, labels_N: Tensor, temperature: float) -> tuple[Tensor, Tensor, Tensor]:
    """Of each image its confidence, whether it is right (1 or 0), and its bin, counted from 0."""
    confidence, said = (logits_NC.double() / temperature).softmax(dim=1).max(dim=1)
    right = (said == labels_N.to(said.device)).double()
    return confidence, right, (confidence * _BINS).ceil().long().clamp(1, _BINS) - 1
