"""True accuracies of subnets, what they share computed once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from natv2.bar import Bar, progress_bar, report
from natv2.exits.ensembles import ensemble
from natv2.finished_network import Classifier
from natv2.images.batches import Batch, evaluation_batches
from natv2.images.image_set import ImageSplits
from natv2.ranks.together import together
from natv2.ranks.world import world
from natv2.spaces.architecture import Architecture
from natv2.supernets.network import Network
from natv2.supernets.supernet import Statistics, Supernet
from natv2.training.confidence import fit_temperature
from natv2.training.evaluation_shares import equal_shares
from natv2.training.prefix_tree import PrefixTree, prefix_tree
from natv2.training.recalibration import calibrate

PIXELS = 1 << 22  # of images that are on their way together: 1,024 of 64 x 64 take a few hundred MB
_PIECE = 1 << 18  # pixels that a CPU computes with at once: its caches and its allocator are faster then

Family = Mapping[float, Supernet]
"""Supernets of one design by their width."""


class Batches(Protocol):
    """Batches that can be gone through again and again."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Batch]: ...


@dataclass(frozen=True, kw_only=True)
class Evaluator:
    """Recalibrates and tests subnets: `calibration` are training images, `images` those tested.

    `exit_weights` weigh the exits of networks that have all of them, the ensemble's β.
    """

    calibration: Sequence[Batch]
    images: Batches
    exit_weights: tuple[float, ...] = (1.0,)

    def accuracies(
        self, family: Family, architectures: Sequence[Architecture], name: str
    ) -> NDArray[np.float64]:
        """Top-1 (a fraction) of each architecture, in their order; `name` stands at the progress bar.

        What architectures share is computed once; images go through in so many at a time as memory allows.
        Several ranks have a share of the architectures each, and find the same bits as one.
        """
        return together(_accuracies, self, family, architectures, name)

    @torch.inference_mode()
    def own_accuracies(
        self, family: Family, architectures: Sequence[Architecture], name: str
    ) -> NDArray[np.float64]:
        """The same, by this rank alone."""
        groups: dict[tuple[int, float], list[int]] = {}
        for position, architecture in enumerate(architectures):
            groups.setdefault((architecture.resolution, architecture.width), []).append(position)
        result = np.empty(len(architectures))
        rounds = {size: len(self._rounds(size)) for size, _ in groups}
        steps = sum(rounds[size] * len(positions) for (size, _), positions in groups.items())
        with progress_bar(f"{name} evaluation", steps) as bar:
            for (resolution, width), positions in sorted(groups.items()):
                members = {position: architectures[position] for position in positions}
                shares = self._shares(family[width], members, resolution, bar)
                result[positions] = [shares[position] for position in positions]
        return result

    def _shares(
        self, supernet: Supernet, members: Mapping[int, Architecture], resolution: int, bar: Bar
    ) -> dict[int, float]:
        """The share of right answers of each of `members`, all of one resolution and width."""
        count = _Count(members, self.exit_weights, bar)
        run = PrefixTree(supernet, prefix_tree(members), count)
        calibration = [batch.at(resolution) for batch in self.calibration]
        batches = iter(self.images)
        for size in self._rounds(resolution):
            taken = list(islice(batches, size))
            images = [batch.at(resolution) for batch in taken]
            pieces = [piece for x in images for piece in torch.split(x, _piece(x))]
            labels = torch.cat([batch.labels for batch in taken])
            count.labels = torch.split(labels, [len(piece) for piece in pieces])
            run(pieces, calibration)
            calibration = []  # from here on the statistics are known
        return count.shares()

    def _rounds(self, resolution: int) -> list[int]:
        """How many batches of the images go through together, time after time."""
        images = len(next(iter(self.images)))
        size = max(1, PIXELS // (images * resolution**2))
        whole, rest = divmod(len(self.images), size)
        return [size] * whole + [rest] * (rest > 0)

    @torch.inference_mode()
    def uncalibrated(
        self, family: Family, architectures: Sequence[Architecture], name: str
    ) -> NDArray[np.float64]:
        """Top-1 (a fraction) of each architecture with the largest network's statistics at its resolution.

        It is low where all is well, so the bar does not tell it.
        """
        result = np.empty(len(architectures))
        shared: dict[tuple[float, int], Statistics] = {}
        with progress_bar(name, len(architectures)) as bar:
            for index, architecture in enumerate(architectures):
                supernet = family[architecture.width]
                key = (architecture.width, architecture.resolution)
                if key not in shared:
                    shared[key] = calibrate(supernet, supernet.largest(key[1]), self.calibration)
                statistics = supernet.first_channels(shared[key], architecture)
                result[index] = top1(supernet.subnet(architecture, statistics), self.images)
                bar.advance("")
        return result


def _accuracies(
    evaluator: Evaluator, family: Family, architectures: Sequence[Architecture], name: str
) -> NDArray[np.float64]:
    """On every rank: evaluate its share of `architectures`, and put all of them together."""
    these = world()
    if these.size == 1:
        result = evaluator.own_accuracies(family, architectures, name)
        _report(result, name)
        return result
    supernet = next(iter(family.values()))
    shares = equal_shares(supernet.design, architectures, supernet.classes, these.size)
    own = evaluator.own_accuracies(family, [architectures[n] for n in shares[these.rank]], name)
    result = np.empty(len(architectures))
    for positions, found in zip(shares, these.gathered(own), strict=False):  # of others on rank 0 alone
        result[positions] = found
    if these.keeps:
        _report(result, name)
    return result


def _report(accuracies: NDArray[np.float64], name: str) -> None:
    if len(accuracies):
        report(f"{name} evaluation", f"{len(accuracies)} networks, best top-1 {100 * accuracies.max():.1f} %")


class _Count:
    """Counts right answers of `members`, architectures by their positions, as their heads give logits."""

    def __init__(self, members: Mapping[int, Architecture], weights: Sequence[float], bar: Bar) -> None:
        self.labels: Sequence[Tensor] = ()
        self._members, self._weights, self._bar = members, weights, bar
        self._correct = dict.fromkeys(members, 0)
        self._seen = dict.fromkeys(members, 0)
        self._earlier: dict[int, list[list[Tensor]]] = {}

    def __call__(self, position: int, exit: int, logits: list[Tensor]) -> None:
        """Take the logits of an exit; an ensemble is counted when its last exit has given its own."""
        exits = self._members[position].exits
        if len(exits) > 1:
            given = self._earlier.setdefault(position, [])
            given.append(logits)
            if exit != exits[-1]:
                return
            logits = [ensemble(outputs, self._weights) for outputs in zip(*given, strict=True)]
            del self._earlier[position]
        pairs = zip(logits, self.labels, strict=True)
        hits = [(output.argmax(dim=1) == labels).sum() for output, labels in pairs]
        self._correct[position] += int(torch.stack(hits).sum())
        self._seen[position] += sum(len(labels) for labels in self.labels)
        self._bar.advance(f"top-1 {100 * self._correct[position] / self._seen[position]:.1f} %")

    def shares(self) -> dict[int, float]:
        """Right answers over all answers of each."""
        return {position: self._correct[position] / seen for position, seen in self._seen.items()}


def _piece(images: Tensor) -> int:
    """How many of `images` (N, 3, R, R) to compute with at once."""
    return len(images) if images.is_cuda else max(1, _PIECE // images.shape[-1] ** 2)


@torch.inference_mode()
def top1(network: Network, batches: Iterable[Batch]) -> float:
    """Top-1 (a fraction) of a single-exit network over `batches`, in evaluation mode."""
    network.eval()
    right, seen = 0, 0
    for batch in batches:
        (logits,) = network(batch.at(network.architecture.resolution))
        right += int((logits.argmax(dim=1) == batch.labels).sum())
        seen += len(batch)
    return right / seen


@torch.inference_mode()
def answers(classifier: Classifier, batches: Iterable[Batch]) -> tuple[Tensor, Tensor]:
    """What `classifier` says of all images: logits (N, classes); and their labels, int64 (N,); on the CPU."""
    classifier.eval()
    said, labels = [], []
    for batch in batches:
        images = classifier.prepared(batch)
        classifier.to(images.device)  # from a file it is on the CPU
        said.append(classifier.logits(images).float().cpu())
        labels.append(batch.labels.cpu())
    return torch.cat(said), torch.cat(labels)


class Validated(NamedTuple):
    """Top-1 (a fraction) on validation images, and the temperature that makes probabilities of logits."""

    accuracy: float
    temperature: float


def validated(classifier: Classifier, images: ImageSplits, batch_size: int) -> Validated:
    """What the validation images, which it has not learned from, say of `classifier`."""
    logits, labels = answers(classifier, evaluation_batches(images, images.valid, batch_size))
    accuracy = int((logits.argmax(dim=1) == labels).sum()) / len(labels)
    return Validated(accuracy, fit_temperature(logits, labels))
