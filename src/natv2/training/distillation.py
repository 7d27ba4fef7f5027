"""Losses, and the teacher whose soft labels students learn (thesis, section 5.1.4)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from natv2.exits.ensembles import ensemble
from natv2.images.batches import Batch
from natv2.spaces.architecture import Architecture
from natv2.supernets.network import Network
from natv2.supernets.supernet import Supernet
from natv2.training.config import Distillation
from natv2.training.recalibration import calibrate


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """The largest network, in evaluation mode.

    There is one network for each resolution: the same weights with the statistics of that resolution.
    """

    networks: dict[int, Network]
    weights: tuple[float, ...]
    kd: Distillation = "ens"

    def logits(self, batch: Batch, resolution: int) -> tuple[Tensor, ...]:
        """Logits, float32 (N, classes), of each exit for the images at `resolution`."""
        images = batch.at(resolution)  # which the batch keeps: not to be made for inference only
        with torch.inference_mode():
            logits = self.networks[resolution](images)
        # Outside of that mode again: a loss keeps what it learns from, and in full precision.
        return tuple(output.to(torch.float32, copy=True) for output in logits)

    def soft_labels(self, logits: Sequence[Tensor], exit: int) -> Tensor:
        """What a subnet ending at `exit` learns from the teacher's `logits`: (N, classes)."""
        exits = next(iter(self.networks.values())).architecture.exits
        return soft_labels(logits, exits, exit, self.weights, self.kd)


def soft_labels(
    logits: Sequence[Tensor], exits: Sequence[int], exit: int, weights: Sequence[float], kd: Distillation
) -> Tensor:
    """Softmax of a network's logits at `exit` (E2E-KD), or of Σ β·logits over its `exits` (ENS-KD).

    For a network with one exit these are the same.
    """
    chosen = logits[exits.index(exit)] if kd == "e2e" else ensemble(logits, weights)
    return chosen.softmax(dim=1)


def make_teacher(
    supernet: Supernet,
    architectures: Sequence[Architecture],
    weights: tuple[float, ...],
    calibration: Sequence[Batch],
    *,
    kd: Distillation = "ens",
) -> Teacher:
    """The teacher of `architectures`, the largest network at each resolution, out of `supernet`."""
    networks = {
        a.resolution: supernet.subnet(a, calibrate(supernet, a, calibration)).requires_grad_(False)
        for a in architectures
    }
    return Teacher(networks=networks, weights=weights, kd=kd)


def student_loss(
    logits: Tensor, labels: Tensor, soft_labels: Tensor | None, *, kd_ratio: float, label_smoothing: float
) -> Tensor:
    """Cross-entropy plus `kd_ratio` times that with the teacher's soft labels (Algorithm 5.1)."""
    loss = cross_entropy(logits, labels, label_smoothing=label_smoothing)
    if soft_labels is not None and kd_ratio > 0:
        loss = loss + kd_ratio * cross_entropy(logits, soft_labels)
    return loss


def joint_loss(
    logits: Sequence[Tensor], labels: Tensor, weights: Sequence[float], *, label_smoothing: float
) -> Tensor:
    """Weighted sum of the exits' cross-entropies (Equation 4.2)."""
    losses = [cross_entropy(output, labels, label_smoothing=label_smoothing) for output in logits]
    return ensemble(losses, weights)
