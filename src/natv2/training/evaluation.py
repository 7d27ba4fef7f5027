"""True accuracies of subnets, what they share computed once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from natv2.bar import progress_bar
from natv2.exits import ensemble
from natv2.images import Batch
from natv2.spaces.architecture import Architecture
from natv2.spaces.design import BLOCKS_PER_STAGE
from natv2.supernets import Network, Statistics, Supernet
from natv2.training.calibration import calibrate

Family = Mapping[float, Supernet]
"""Supernets of one design by their width."""


@dataclass(frozen=True, kw_only=True)
class Evaluator:
    """Recalibrates and tests subnets: `calibration` are training images, `images` those tested.

    `exit_weights` weigh the exits of networks that have all of them, the ensemble's β.
    """

    calibration: Sequence[Batch]
    images: Iterable[Batch]
    exit_weights: tuple[float, ...] = (1.0,)

    def accuracies(
        self, family: Family, architectures: Sequence[Architecture], name: str
    ) -> NDArray[np.float64]:
        """Top-1 (a fraction) of each architecture, in their order; `name` stands at the progress bar.

        Architectures that differ only in where they end run as one network with several exits.
        """
        result = np.empty(len(architectures))
        if not architectures:
            return result
        with progress_bar(f"{name} evaluation", len(architectures)) as bar:
            for path, members in share_paths(architectures):
                correct = self._correct(family[path.width], path, [architectures[m] for m in members])
                result[members] = correct
                bar.advance(f"top-1 {100 * max(correct):.1f} %", len(members))
            bar.report(f"{len(architectures)} networks, best top-1 {100 * result.max():.1f} %")
        return result

    @torch.inference_mode()
    def uncalibrated(
        self, family: Family, architectures: Sequence[Architecture], name: str
    ) -> NDArray[np.float64]:
        """Top-1 (a fraction) of each architecture with the largest network's statistics at its resolution."""
        result = np.empty(len(architectures))
        shared: dict[tuple[float, int], Statistics] = {}
        with progress_bar(f"{name} evaluation", len(architectures)) as bar:
            for index, architecture in enumerate(architectures):
                supernet = family[architecture.width]
                key = (architecture.width, architecture.resolution)
                if key not in shared:
                    shared[key] = calibrate(supernet, supernet.largest(key[1]), self.calibration)
                statistics = supernet.first_channels(shared[key], architecture)
                (result[index],) = self._tested(supernet, architecture, [architecture], statistics)
                bar.advance(f"top-1 {100 * result[index]:.1f} %")
        return result

    @torch.inference_mode()
    def _correct(
        self, supernet: Supernet, path: Architecture, members: Sequence[Architecture]
    ) -> list[float]:
        return self._tested(supernet, path, members, calibrate(supernet, path, self.calibration))

    def _tested(
        self,
        supernet: Supernet,
        path: Architecture,
        members: Sequence[Architecture],
        statistics: Statistics,
    ) -> list[float]:
        correct = torch.zeros(len(members), dtype=torch.int64)
        total = 0
        for batch in self.images:
            logits = dict(zip(path.exits, supernet(batch.at(path.resolution), path, statistics), strict=True))
            correct += torch.stack([self._hits(logits, member, batch.labels) for member in members]).cpu()
            total += len(batch)
        return [count / total for count in correct.tolist()]

    def _hits(self, logits: Mapping[int, Tensor], member: Architecture, labels: Tensor) -> Tensor:
        kept = [logits[exit] for exit in member.exits]
        output = kept[0] if len(kept) == 1 else ensemble(kept, self.exit_weights)
        return (output.argmax(dim=1) == labels).sum()


def top1(network: Network, batches: Iterable[Batch]) -> float:
    """Top-1 (a fraction) of a single-exit network over `batches`, in evaluation mode."""
    predicted, labels = predictions(network, batches)
    return int((predicted == labels).sum()) / len(labels)


@torch.inference_mode()
def predictions(network: Network, batches: Iterable[Batch]) -> tuple[Tensor, Tensor]:
    """Predicted and true labels, int64 (N,) on the CPU, of a single-exit network in evaluation mode."""
    network.eval()
    predicted, labels = [], []
    for batch in batches:
        (logits,) = network(batch.at(network.architecture.resolution))
        predicted.append(logits.argmax(dim=1).cpu())
        labels.append(batch.labels.cpu())
    return torch.cat(predicted), torch.cat(labels)


def share_paths(architectures: Sequence[Architecture]) -> list[tuple[Architecture, list[int]]]:
    """Networks that cover `architectures`, each with the positions of those that it covers.

    One that is the beginning of another only needs its own head there.
    """
    deepest_first = sorted(range(len(architectures)), key=lambda i: -architectures[i].deepest_exit)
    paths: list[tuple[Architecture, list[int]]] = []
    known: dict[tuple[object, ...], int] = {}
    for index in deepest_first:
        architecture = architectures[index]
        here = known.get(_beginning(architecture, architecture.deepest_exit))
        if here is None:
            here = len(paths)
            paths.append((architecture, []))
            known |= {_beginning(architecture, e): here for e in range(1, architecture.deepest_exit + 1)}
        path, members = paths[here]
        exits = tuple(sorted({*path.exits, *architecture.exits}))
        paths[here] = (replace(path, exits=exits), [*members, index])
    return paths


def _beginning(architecture: Architecture, stages: int) -> tuple[object, ...]:
    """What an architecture computes up to and including stage `stages`."""
    blocks = slice(stages * BLOCKS_PER_STAGE)
    return (
        stages,
        architecture.resolution,
        architecture.width,
        architecture.depths[:stages],
        architecture.kernels[blocks],
        architecture.expand_ratios[blocks],
        architecture.masks[blocks],
    )
