"""Several exits of a finished network: how their outputs are weighed, and when images leave."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from natv2.exits.leaving import common_threshold, confidence, leaving, running_ensembles
from natv2.exits.output_weights import search_output_weights
from natv2.images.balance import accuracy, shares
from natv2.images.batches import Batch
from natv2.objectives.metric import Metric
from natv2.supernets.classifier import SubnetClassifier
from natv2.training.confidence import fit_temperature
from natv2.training.evaluation import macro


@dataclass(frozen=True, kw_only=True)
class ExitsCalibration:
    """What validation images say of a network's exits; its accuracy and macro accuracy then (fractions)."""

    weights: tuple[float, ...]
    thresholds: tuple[float, ...] | None
    temperature: float
    accuracy: float
    macro: float

    def apply(self, classifier: SubnetClassifier, record: Mapping[str, Any]) -> SubnetClassifier:
        """`classifier` with these, and with `record` in place of its own."""
        header = replace(
            classifier.header,
            weights=self.weights,
            thresholds=self.thresholds,
            temperature=self.temperature,
            record={**classifier.header.record, **record},
        )
        return SubnetClassifier(classifier.network, header)


def calibrate_exits(
    classifier: SubnetClassifier,
    batches: Iterable[Batch],
    share: float | None,
    *,
    search_weights: bool,
    metric: Metric = "top1",
) -> ExitsCalibration:
    """Output weights and thresholds of `classifier`, from validation images that it has not learned from.

    The weights are those of its header, or of the lowest cross-entropy, in which images count as they do by
    `metric`; one threshold lets a `share` of the images leave before the last exit, if any. The accuracy, by
    `metric`, is that of either half of the images by what the other half gives: nothing is judged on what it
    was fitted to.
    """
    logits, labels = _exit_logits(classifier, batches)
    given = tuple(classifier.header.weights)

    def fitted(part: slice) -> tuple[tuple[float, ...], Tensor | None]:
        known = logits[:, part]
        weights = given
        if search_weights:
            weights = search_output_weights(known, labels[part], shares(labels[part].numpy(), metric))
        sure = confidence(running_ensembles(known, weights))
        return weights, None if share is None else common_threshold(sure, [share])

    right = torch.empty(len(labels), dtype=torch.bool)
    halves = slice(0, None, 2), slice(1, None, 2)
    for own, other in (halves, halves[::-1]):
        answer = _said(logits[:, own], *fitted(other)).argmax(dim=1)
        right[own] = answer == labels[own]
    weights, threshold = fitted(slice(None))
    early = None if threshold is None else (*[float(threshold)] * (len(logits) - 1), 0.0)
    temperature = fit_temperature(_said(logits, weights, threshold), labels)
    return ExitsCalibration(
        weights=weights,
        thresholds=early,
        temperature=temperature,
        accuracy=float(accuracy(right.numpy(), labels.numpy(), metric)),
        macro=macro(right, labels),
    )


def _said(logits_ENC: Tensor, weights: tuple[float, ...], threshold: Tensor | None) -> Tensor:
    """The logits (images, classes) that images leave with."""
    running = running_ensembles(logits_ENC, weights)
    if threshold is None:
        return running[-1]
    left = leaving(confidence(running), threshold)[0]
    return running[left, torch.arange(len(left))]


@torch.inference_mode()
def _exit_logits(classifier: SubnetClassifier, batches: Iterable[Batch]) -> tuple[Tensor, Tensor]:
    """Logits (exits, images, classes) and labels (images,), on the CPU."""
    network, said, labels = classifier.network.eval(), [], []
    for batch in batches:
        said.append(torch.stack(network(classifier.prepared(batch))).float().cpu())
        labels.append(batch.labels.cpu())
    return torch.cat(said, dim=1), torch.cat(labels)
