"""Probabilities that mean what they say: a temperature for logits, and how far they are off without it."""

import math

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn.functional import cross_entropy

_BINS = 15
_RANGE = (math.log(0.05), math.log(20.0))  # of temperatures; beyond, all or nothing is sure


def fit_temperature(logits_NC: Tensor, labels_N: Tensor) -> float:
    """The T for which softmax(logits / T) tells `labels` best: lowest cross-entropy (Guo et al., 2017)."""
    logits, labels = logits_NC.double(), labels_N.to(logits_NC.device)

    def loss(log_temperature: float) -> float:
        return float(cross_entropy(logits * math.exp(-log_temperature), labels))

    found = minimize_scalar(loss, bounds=_RANGE, method="bounded")
    return float(f"{math.exp(found.x):.4g}")


def calibration_error(logits_NC: Tensor, labels_N: Tensor, temperature: float = 1.0) -> float:
    """Expected calibration error, a fraction: how far confidence is from accuracy, in 15 bins of confidence.

    Bins count by their images (Naeini et al., 2015).
    """
    confidence, said = (logits_NC.double() / temperature).softmax(dim=1).max(dim=1)
    right = (said == labels_N.to(said.device)).double()
    bins = (confidence * _BINS).ceil().long().clamp(1, _BINS) - 1
    gaps = torch.zeros(_BINS, dtype=torch.float64, device=bins.device).index_add_(0, bins, right - confidence)
    return float(gaps.abs().sum() / len(labels_N))
