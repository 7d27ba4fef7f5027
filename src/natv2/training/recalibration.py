"""Batch-norm statistics of a subnet: those of the supernet mean nothing to it (docs/methods.md)."""

from collections.abc import Sequence

import torch

from natv2.images.batches import Batch
from natv2.spaces.architecture import Architecture
from natv2.supernets.supernet import Statistics, Supernet


@torch.no_grad()
def calibrate(supernet: Supernet, architecture: Architecture, batches: Sequence[Batch]) -> Statistics:
    """Means and variances of `architecture`'s batch norms, averaged over `batches` of training images.

    Each batch is normalised with its own statistics on the way, as OFA does.
    """
    statistics: dict[str, torch.Tensor] = {}
    for batch in batches:
        supernet.record(batch.at(architecture.resolution), architecture, statistics)
    return statistics
