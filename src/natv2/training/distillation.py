"""Losses, and the teacher whose soft labels students learn (thesis, section 5.1.4)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from natv2.exits import ensemble
from natv2.images import Batch
from natv2.spaces.architecture import Architecture
from natv2.supernets import Network, Supernet
from natv2.training.calibration import calibrate


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """The largest network, in evaluation mode; with several exits it teaches as their ensemble (ENS-KD).

    There is one network for each resolution: the same weights with the statistics of that resolution.
    """

    networks: dict[int, Network]
    weights: tuple[float, ...]

    @torch.no_grad()
    def soft_labels(self, batch: Batch, resolution: int) -> Tensor:
        """softmax(Σ β·logits) over the exits for the images at `resolution`: (N, classes)."""
        logits = self.networks[resolution](batch.at(resolution))
        return ensemble(logits, self.weights).softmax(dim=1)


def make_teacher(
    supernet: Supernet,
    architectures: Sequence[Architecture],
    weights: tuple[float, ...],
    calibration: Sequence[Batch],
) -> Teacher:
    """The teacher of `architectures`, the largest network at each resolution, out of `supernet`."""
    networks = {
        a.resolution: supernet.subnet(a, calibrate(supernet, a, calibration)).requires_grad_(False)
        for a in architectures
    }
    return Teacher(networks=networks, weights=weights)


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
