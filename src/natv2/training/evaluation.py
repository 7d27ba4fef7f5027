"""True accuracies of subnets, what they share computed once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from natv2.bar import progress_bar, report
from natv2.exits.early_classifier import EarlyClassifier
from natv2.finished_network import Classifier
from natv2.images.balance import accuracy, recalls
from natv2.images.batches import Batch, evaluation_batches
from natv2.images.image_set import ImageSplits
from natv2.objectives.metric import METRICS, Metric
from natv2.ranks.together import together
from natv2.ranks.world import world
from natv2.spaces.architecture import Architecture
from natv2.supernets.network import Network
from natv2.supernets.supernet import Statistics, Supernet
from natv2.training.collecting import Collecting, Collector, CountRight
from natv2.training.confidence import fit_temperature
from natv2.training.evaluation_shares import equal_shares
from natv2.training.prefix_tree import PrefixTree, prefix_tree
from natv2.training.recalibration import calibrate

PIXELS = 1 << 22  # of images that are on their way together: 1,024 of 64 x 64 take a few hundred MB
_PIECE = 1 << 18  # pixels that a CPU computes with at once: its caches and its allocator are faster then

T = TypeVar("T")

Family = Mapping[float, Supernet]
"""Supernets of one design by their width."""


class Batches(Protocol):
    """Batches that can be gone through again and again."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Batch]: ...


@dataclass(frozen=True, kw_only=True)
class Evaluator:
    """Recalibrates and tests subnets: `calibration` are training images, `images` those tested.

    `exit_weights` weigh the exits of networks that have all of them, the ensemble's β. Accuracies are by
    `metric`.
    """

    calibration: Sequence[Batch]
    images: Batches
    exit_weights: tuple[float, ...] = (1.0,)
    metric: Metric = "top1"

    def accuracies(
        self, family: Family, architectures: Sequence[Architecture], name: str
    ) -> NDArray[np.float64]:
        """Accuracy (a fraction) of each architecture, in their order; `name` stands at the progress bar.

        What architectures share is computed once; images go through in so many at a time as memory allows.
        Several ranks have a share of the architectures each, and find the same bits as one.
        """
        found = self.collected(family, architectures, name, partial(CountRight, metric=self.metric))
        return np.array(found, np.float64)

    def collected(
        self, family: Family, architectures: Sequence[Architecture], name: str, collect: Collecting[T]
    ) -> list[T]:
        """What `collect` makes of the logits of each architecture, shared and computed as accuracies are."""
        return together(_collected, self, family, architectures, name, collect)

    @torch.inference_mode()
    def own(
        self, family: Family, architectures: Sequence[Architecture], name: str, collect: Collecting[T]
    ) -> list[T]:
        """The same, by this rank alone."""
        groups: dict[tuple[int, float], list[int]] = {}
        for position, architecture in enumerate(architectures):
            groups.setdefault((architecture.resolution, architecture.width), []).append(position)
        result: dict[int, T] = {}
        rounds = {size: len(self._rounds(size)) for size, _ in groups}
        steps = sum(rounds[size] * len(positions) for (size, _), positions in groups.items())
        with progress_bar(f"{name} evaluation", steps) as bar:
            for (resolution, width), positions in sorted(groups.items()):
                members = {position: architectures[position] for position in positions}
                collector = collect(members, self.exit_weights, bar)
                self._run(family[width], members, resolution, collector)
                result |= collector.results()
        return [result[position] for position in range(len(architectures))]

    def _run(
        self,
        supernet: Supernet,
        members: Mapping[int, Architecture],
        resolution: int,
        collector: Collector[Any],
    ) -> None:
        """Give `collector` the logits of `members`, all of one resolution and width."""
        run = PrefixTree(supernet, prefix_tree(members), collector)
        calibration = [batch.at(resolution) for batch in self.calibration]
        batches = iter(self.images)
        for size in self._rounds(resolution):
            world().check()
            taken = list(islice(batches, size))
            images = [batch.at(resolution) for batch in taken]
            pieces = [piece for x in images for piece in torch.split(x, _piece(x))]
            labels = torch.cat([batch.labels for batch in taken])
            collector.labels = torch.split(labels, [len(piece) for piece in pieces])
            run(pieces, calibration)
            calibration = []  # from here on the statistics are known

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


def _collected(
    evaluator: Evaluator,
    family: Family,
    architectures: Sequence[Architecture],
    name: str,
    collect: Collecting[T],
) -> list[T]:
    """On every rank: evaluate its share of `architectures`, and put all of them together."""
    these = world()
    if these.size == 1:
        result = evaluator.own(family, architectures, name, collect)
        _report(result, name, evaluator.metric)
        return result
    supernet = next(iter(family.values()))
    shares = equal_shares(supernet.design, architectures, supernet.classes, these.size)
    own = evaluator.own(family, [architectures[n] for n in shares[these.rank]], name, collect)
    every: dict[int, T] = {}
    for positions, found in zip(shares, these.gathered(own), strict=False):  # of others on rank 0 alone
        every |= dict(zip(positions, found, strict=True))
    result = [every[position] for position in sorted(every)]
    if these.keeps:
        _report(result, name, evaluator.metric)
    return result


def _report(results: Sequence[Any], name: str, metric: Metric) -> None:
    """Tell the best accuracy: results are accuracies by `metric`, or have some."""
    if len(results):
        best = max(float(np.max(getattr(result, "accuracy", result))) for result in results)
        told = f"{len(results)} networks, best {METRICS[metric].word} {100 * best:.1f} %"
        report(f"{name} evaluation", told)


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
    logits, labels, _ = answers_and_exits(classifier, batches)
    return logits, labels


@torch.inference_mode()
def answers_and_exits(classifier: Classifier, batches: Iterable[Batch]) -> tuple[Tensor, Tensor, Tensor]:
    """What `answers` gives, and the exits, from 1, that images leave at, (N,): 1 where none does early."""
    classifier.eval()
    said, labels, exits = [], [], []
    for batch in batches:
        images = classifier.prepared(batch)
        classifier.to(images.device)  # from a file it is on the CPU
        if isinstance(classifier, EarlyClassifier) and classifier.stops:
            logits, left = classifier.foreseen(images)
        else:
            logits, left = classifier.logits(images).float().cpu(), torch.ones(len(images), dtype=torch.int64)
        said.append(logits)
        exits.append(left)
        labels.append(batch.labels.cpu())
    return torch.cat(said), torch.cat(labels), torch.cat(exits)


def macro(right: Tensor, labels: Tensor) -> float:
    """Macro accuracy (a fraction), given which images (N,) are `right`: the mean of the classes' recalls."""
    return float(np.nanmean(recalls(right.numpy(), labels.numpy(), int(labels.max()) + 1)))


class Validated(NamedTuple):
    """On validation images: accuracy by the run's metric and macro accuracy (fractions), and the temperature.

    That makes probabilities of logits.
    """

    accuracy: float
    macro: float
    temperature: float


def validated(
    classifier: Classifier, images: ImageSplits, batch_size: int, metric: Metric = "top1"
) -> Validated:
    """What the validation images, which it has not learned from, say of `classifier`."""
    logits, labels = answers(classifier, evaluation_batches(images, images.valid, batch_size))
    right = logits.argmax(dim=1) == labels
    own = float(accuracy(right.numpy(), labels.numpy(), metric))
    return Validated(own, macro(right, labels), fit_temperature(logits, labels))
