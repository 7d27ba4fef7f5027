"""What a multi-exit network says as a whole, and the temperature that makes probabilities of it."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from natv2.aep.classifier import MultiExitClassifier
from natv2.aep.pruning import ExitLogits
from natv2.exits.leaving import stopped
from natv2.training.confidence import fit_temperature

Places = NDArray[np.signedinteger]


def whole_logits(classifier: MultiExitClassifier, said: ExitLogits) -> tuple[Tensor, Places | None]:
    """Logits (N, classes) of the ensemble of what its exits said.

    Where images leave early, those up to the exit at which each left, and the places of these exits (N,).
    """
    weights = classifier.header.weights
    if classifier.header.thresholds is not None:
        return stopped(said.logits_ENC, weights, classifier.stopping())
    return torch.einsum("e,enc->nc", torch.tensor(weights), said.logits_ENC), None


def with_temperature(classifier: MultiExitClassifier, valid: ExitLogits) -> MultiExitClassifier:
    """`classifier` with the temperature of what its exits said of the validation images."""
    logits, _ = whole_logits(classifier, valid)
    header = replace(classifier.header, temperature=fit_temperature(logits, valid.labels))
    return MultiExitClassifier(classifier.network, header)
