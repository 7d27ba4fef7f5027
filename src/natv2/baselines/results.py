"""Plain networks tested, beside those of a search."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import torch

from natv2.baselines.plain import PlainClassifier, rebuilt
from natv2.baselines.verdict import Right
from natv2.costs.config import BatchLatencyConfig
from natv2.costs.count import counted_costs
from natv2.costs.latency import network_latencies
from natv2.finished_network import Build, Classifier, StoredNetworks
from natv2.images.balance import beside_top1
from natv2.images.batches import Batch

_RECORDED = ("kind", "teacher", "valid_accuracy", "epochs")


def tested_baselines(
    networks: StoredNetworks,
    builds: Mapping[str, Build],
    batches: Iterable[Batch],
    latency: BatchLatencyConfig | None,
    device: str,
) -> tuple[pd.DataFrame, dict[str, Right]]:
    """A row a network: its record, test top-1 and costs; and which test images it is right about."""
    rows, right = [], {}
    for name, stored in networks.items():
        classifier = rebuilt(stored, builds).to(device)
        answers, labels = _answers(classifier, batches)
        right[name] = answers == labels
        row = {"name": name, **{each: classifier.header.record[each] for each in _RECORDED}}
        row["test_accuracy"] = float(right[name].mean())
        row |= beside_top1(right[name], labels, classifier.class_names)
        row |= counted_costs(classifier.network, classifier.resolution)._asdict()
        if latency is not None:
            taken = network_latencies(
                [classifier.network], classifier.resolution, latency, batch=latency.batch, device=device
            )
            row |= {"latency": float(taken.median[0])}
        row["resolution"] = classifier.resolution
        row["plain"] = isinstance(classifier, PlainClassifier)
        rows.append(row)
    return pd.DataFrame(rows, columns=None if rows else ["name", "plain", "valid_accuracy"]), right


def _answers(classifier: Classifier, batches: Iterable[Batch]) -> tuple[np.ndarray, np.ndarray]:
    """The class that it says of each image, and the image's own."""
    said, labels = [], []
    with torch.inference_mode():
        for batch in batches:
            said.append(classifier.logits(batch.at(classifier.resolution)).argmax(dim=1).cpu())
            labels.append(batch.labels.cpu())
    return torch.cat(said).numpy(), torch.cat(labels).numpy()
