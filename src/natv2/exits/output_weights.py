"""Weights of the exits' outputs found on validation images instead of fixed (section 4.4, future work)."""

import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

LEAST = 1e-3
"""The least weight that is found: with none at all, an exit kept alone, or reached first, says nothing."""


def search_output_weights(
    logits_ENC: Tensor, labels: Tensor, shares: NDArray[np.float64] | None = None
) -> tuple[float, ...]:
    """Weights β ≥ LEAST with sum 1 for which the ensemble Σ β·logits has the lowest cross-entropy.

    `logits_ENC` (exits, images, classes) and `labels` (images,) are of validation images; `shares` (images,)
    are what each counts, 1 in sum: all alike by default.
    """
    exits = len(logits_ENC)
    logits = logits_ENC.double()
    truth_NC = one_hot(labels, logits.shape[2])
    alike = np.full(len(labels), 1 / len(labels))
    counts_N = torch.from_numpy(alike if shares is None else shares)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        ensemble_NC = torch.einsum("e,enc->nc", torch.from_numpy(weights), logits)
        off_NC = (ensemble_NC.softmax(dim=1) - truth_NC) * counts_N[:, None]
        gradient = torch.einsum("enc,nc->e", logits, off_NC)
        losses_N = cross_entropy(ensemble_NC, labels, reduction="none")
        return float(losses_N @ counts_N), gradient.numpy()

    # A log-sum-exp of what is linear in β: convex, so the minimum that is found is the only one.
    found = scipy.optimize.minimize(
        loss,
        np.full(exits, 1 / exits),
        jac=True,
        method="SLSQP",
        bounds=[(LEAST, 1)] * exits,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        options={"ftol": 1e-9, "maxiter": 200},
    )
    weights = np.clip(found.x, LEAST, None)
    return tuple(float(weight) for weight in weights / weights.sum())
