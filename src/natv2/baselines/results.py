"""Plain networks tested, beside those of a search."""

from collections.abc import Iterable, Mapping

import pandas as pd

from natv2.baselines.plain import rebuilt
from natv2.baselines.verdict import Right
from natv2.costs.count import counted_costs
from natv2.costs.network_latency import LatencyOf
from natv2.finished_network import Build, StoredNetworks
from natv2.images.balance import accuracy, beside_accuracy
from natv2.images.batches import Batch
from natv2.objectives.metric import Metric, said
from natv2.training.confidence import calibration_error
from natv2.training.evaluation import answers

_RECORDED = ("kind", "teacher", "valid_accuracy", "epochs")


def tested_baselines(
    networks: StoredNetworks,
    builds: Mapping[str, Build],
    batches: Iterable[Batch],
    latency: LatencyOf | None,
    device: str,
    metric: Metric = "top1",
) -> tuple[pd.DataFrame, dict[str, Right]]:
    """A row a network: its record, test accuracy by `metric`, costs; which test images it is right about."""
    rows, right = [], {}
    for name, stored in networks.items():
        classifier = rebuilt(stored, builds).to(device)
        logits, own = answers(classifier, batches)
        labels = own.numpy()
        right[name] = (logits.argmax(dim=1) == own).numpy()
        row = {"name": name, **{each: classifier.header.record[each] for each in _RECORDED}}
        row["calibration_error"] = calibration_error(logits, own, classifier.header.temperature)
        row |= said(metric)
        row["test_accuracy"] = float(accuracy(right[name], labels, metric))
        row |= beside_accuracy(right[name], labels, classifier.class_names, metric)
        row |= counted_costs(classifier.network, classifier.resolution)._asdict()
        if latency is not None:
            taken = latency(classifier.network, classifier.resolution)
            row |= {each: taken[each] for each in ("latency", "latency_of") if each in taken}
        row["resolution"] = classifier.resolution
        row["plain"] = row["kind"] == "plain"
        rows.append(row)
    return pd.DataFrame(rows, columns=None if rows else ["name", "kind", "plain", "valid_accuracy"]), right
