"""What a finished network says of images: which classes it confuses, how sure it is, what its exits give."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from natv2.costs.parts import MACS, architecture_cost
from natv2.exits.leaving import Stopping, running_ensembles, stopped
from natv2.images.balance import accuracy
from natv2.images.batches import Batch
from natv2.objectives.metric import Metric
from natv2.supernets.classifier import SubnetClassifier
from natv2.training.confidence import reliability

_CONFUSED = 20  # pairs of classes, the commonest
_STEPS, _SUREST = 40, 4  # thresholds are 1 - 10^-x, x up to this: networks are very sure of most images
_NEVER = 2.0  # sure as nobody is

ByExit = tuple[Tensor, Tensor]
"""Logits of every exit, (exits, images, classes), and labels."""


def answers_in_detail(classifier: SubnetClassifier, logits: Tensor, labels: Tensor) -> dict[str, Any]:
    """JSON-ready: `confused` pairs (label, said, images), the commonest first, and `reliability`.

    That has for each bin of confidence images, mean confidence and the share of right answers.
    """
    table = confusion(logits.argmax(dim=1).numpy(), labels.numpy(), len(classifier.class_names))
    np.fill_diagonal(table, 0)
    order = np.argsort(-table, axis=None, kind="stable")[:_CONFUSED]
    pairs = [(*divmod(int(at), len(table)), int(table.flat[at])) for at in order if table.flat[at]]
    return {
        "confused": pairs,
        "reliability": reliability(logits, labels, classifier.header.temperature),
    }


def confusion(said: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """How many images of each class (row) the network takes for each class (column)."""
    counts: NDArray[np.int64] = np.bincount(labels * classes + said, minlength=classes**2)
    return counts.reshape(classes, classes)


def exits_in_detail(
    classifier: SubnetClassifier, tested: ByExit, validated: ByExit, metric: Metric = "top1"
) -> dict[str, Any]:
    """JSON-ready, of a network with several exits; what is `validated` says what thresholds give.

    `exits` have their number, accuracy on test images alone (`own`) and with those before (`together`), and
    the MACs of an image that leaves there. `leaving` has for each threshold of confidence, the same at all
    exits, accuracy on validation images under the name of its `metric`, mean_macs, and the shares of images
    that leave at each exit. `mean_macs` are the least with which that is no lower than of all exits.
    """
    weights, macs = classifier.header.weights, exit_macs(classifier)
    logits, labels = tested
    own = _accuracies(logits, labels, metric)
    together = _accuracies(running_ensembles(logits, weights), labels, metric)
    numbers = classifier.network.architecture.exits
    names = ("exit", "own", "together", "macs")
    exits = [dict(zip(names, row, strict=True)) for row in zip(numbers, own, together, macs, strict=True)]
    leaving = leaving_curve(*validated, weights, macs, metric)
    as_good = leaving[leaving[metric] >= leaving[metric].iloc[-1]]
    return {
        "exits": exits,
        "leaving": leaving.to_dict("records"),
        "mean_macs": float(as_good["mean_macs"].min()),
    }


def leaving_curve(
    logits_ENC: Tensor,
    labels: Tensor,
    weights: tuple[float, ...],
    macs: list[int],
    metric: Metric = "top1",
) -> pd.DataFrame:
    """A row for each threshold, ascending; with the last one nobody leaves before the last exit."""
    thresholds = [*(1 - 10 ** -np.linspace(0, _SUREST, _STEPS)).tolist(), _NEVER]
    rows = []
    for threshold in thresholds:
        stopping = Stopping(thresholds=(*[threshold] * (len(macs) - 1), 0.0))
        logits, left = stopped(logits_ENC, weights, stopping)
        shares = [float((left == exit).mean()) for exit in range(len(macs))]
        rows.append(
            {
                "threshold": threshold,
                metric: _accuracies(logits[None], labels, metric)[0],
                "mean_macs": float(np.array(macs)[left].mean()),
                "shares": shares,
            }
        )
    return pd.DataFrame(rows)


def exit_macs(classifier: SubnetClassifier) -> list[int]:
    """MACs of an image that leaves at each exit: as of a network that ends there."""
    network = classifier.network
    of = network.architecture
    shorter = [replace(of, exits=of.exits[: count + 1]) for count in range(len(of.exits))]
    classes = len(classifier.class_names)
    return [int(architecture_cost(network.design, each, classes)[MACS]) for each in shorter]


@torch.inference_mode()
def answers_by_exit(classifier: SubnetClassifier, batches: Iterable[Batch]) -> ByExit:
    """What every exit says of all images, on the CPU."""
    classifier.eval()
    said, labels = [], []
    for batch in batches:
        images = classifier.prepared(batch)
        classifier.to(images.device)
        said.append(torch.stack(classifier.network(images)).float().cpu())
        labels.append(batch.labels.cpu())
    return torch.cat(said, dim=1), torch.cat(labels)


def _accuracies(logits_ENC: Tensor, labels: Tensor, metric: Metric) -> list[float]:
    right = (logits_ENC.argmax(dim=2) == labels).numpy()
    shares: list[float] = accuracy(right, labels.numpy(), metric).tolist()
    return shares


def verdicts_beside(verdicts: Mapping[str, pd.DataFrame]) -> dict[str, list[dict[str, Any]]]:
    """The rows of verdicts by what the finished networks stood beside, JSON-ready."""
    return {
        kind: [
            {str(name): value for name, value in row.items() if pd.notna(value)}
            for row in rows.to_dict("records")
        ]
        for kind, rows in verdicts.items()
        if len(rows)
    }
