"""Finished networks tested, and set beside what they were when they were found."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from natv2.costs.network_latency import LatencyOf
from natv2.costs.parts import MACS, architecture_cost
from natv2.exits.leaving import UpToExit
from natv2.finished_network import StoredNetwork, StoredNetworks
from natv2.images.balance import accuracy, beside_accuracy
from natv2.images.batches import Batch
from natv2.objectives.constraints import BOUNDS, Constraints
from natv2.objectives.costs import known_costs
from natv2.objectives.metric import Metric, said
from natv2.objectives.objectives import MEANS, OBJECTIVES, KnownNetworks
from natv2.objectives.titles import accuracy_word
from natv2.postprocess.detail import answers_by_exit, answers_in_detail, exits_in_detail
from natv2.supernets.classifier import SubnetClassifier
from natv2.training.confidence import calibration_error
from natv2.training.evaluation import answers_and_exits

logger = logging.getLogger("natv2")

_NO_TIMES = "the latency table of another device has no times of several exits together"
_WHY = {"macro_accuracy": "the thesis's recipe trains on the validation images too"}
"""Why something is not known of a finished network."""

_TOLD = ("network", "method", "exit_weighting", "optimizer", "start", "teacher", "remark")
_RECORDED = (*_TOLD, "kept", "leaving", "accuracy_before", "accuracy_after", "macro_after", "epochs")


def tested_networks(
    found: StoredNetworks,
    finished: StoredNetworks,
    batches: Iterable[Batch],
    latency: LatencyOf | None,
    valid: Iterable[Batch],
    metric: Metric = "top1",
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, NDArray[np.bool_]], dict[str, dict[str, Any]]]:
    """A row a finished network: its test accuracy and costs, as found too; recalls of classes; what is right.

    That is a flag for each test image, by the finished networks' names. Accuracy is by `metric`, latency what
    `latency` tells. Last is what `natv2.postprocess.detail` tells of each, for which images that are `valid`
    go through those with several exits.
    """
    before = {name: _tested(stored, batches, latency, metric)[0] for name, stored in found.items()}
    right: dict[str, NDArray[np.bool_]] = {}
    details: dict[str, dict[str, Any]] = {}
    compared = {"test_accuracy", *OBJECTIVES}
    rows: list[dict[str, Any]] = []
    classes = pd.DataFrame()
    for name, stored in finished.items():
        row, answers, details[name] = _tested(stored, batches, latency, metric, valid)
        right[name] = answers["right"].to_numpy()
        by_class = answers["right"].groupby(answers["label"]).agg(["size", "mean"])
        was = before[row.pop("network")]
        kept = {f"{column}_before": value for column, value in was.items() if column in compared}
        rows.append({"name": name, **row, **kept})
        if classes.empty:
            classes = pd.DataFrame({"class": stored.header["class_names"]})
            classes["images"] = by_class["size"]
        classes[name] = by_class["mean"]
    return pd.DataFrame(rows), classes, right, details


def _tested(
    stored: StoredNetwork,
    batches: Iterable[Batch],
    latency: LatencyOf | None,
    metric: Metric,
    valid: Iterable[Batch] | None = None,
) -> tuple[dict[str, Any], pd.DataFrame, dict[str, Any]]:
    """What a network's row says of it; label and rightness of each image; its details."""
    classifier = SubnetClassifier.build(stored)
    network, header = classifier.network, classifier.header
    logits, labels, left = answers_and_exits(classifier, batches)
    correct = (logits.argmax(dim=1) == labels).numpy()
    architecture = network.architecture
    row = {name: header.record[name] for name in _RECORDED if name in header.record}
    row |= said(metric)
    row["test_accuracy"] = float(accuracy(correct, labels.numpy(), metric))
    row["calibration_error_uncorrected"] = calibration_error(logits, labels)
    row["calibration_error"] = calibration_error(logits, labels, header.temperature)
    row |= beside_accuracy(correct, labels.numpy(), header.class_names, metric)
    taken = latency(network, architecture.resolution) if latency is not None else {}
    counted = architecture_cost(network.design, architecture, len(header.class_names))[None]
    milliseconds = np.array([taken["latency"]], np.float64) if taken else None
    known = KnownNetworks(counted, milliseconds, lambda: [architecture])
    for name, value in known_costs(known).iloc[0].items():
        row[str(name)] = OBJECTIVES[str(name)].dtype(value)
    row |= {name: value for name, value in taken.items() if name != "latency"}
    if classifier.stops:
        row |= _on_average(classifier, left.numpy(), latency)
    row |= {"resolution": architecture.resolution, "width": architecture.width}
    row |= {"exit": architecture.deepest_exit, "exits": len(architecture.exits)}
    details = answers_in_detail(classifier, logits, labels)
    if valid is not None and len(architecture.exits) > 1:
        tested, validated = (answers_by_exit(classifier, each) for each in (batches, valid))
        details |= exits_in_detail(classifier, tested, validated, metric)
    return row, pd.DataFrame({"label": labels.numpy(), "right": correct}), details


def _on_average(
    classifier: SubnetClassifier, left: NDArray[np.int64], latency: LatencyOf | None
) -> dict[str, float]:
    """What an image costs on average where images leave at `left` (N,), from 1; shares of them by exit.

    Latency is that of the network up to each exit.
    """
    network, row = classifier.network, dict[str, float]()
    means: dict[str, float] = {"mean_macs": 0.0} | ({"mean_latency": 0.0} if latency is not None else {})
    for number, exit in enumerate(network.exits, start=1):
        row[f"share_{exit}"] = share = float((left == number).mean())
        cut = replace(network.architecture, exits=network.exits[:number])
        means["mean_macs"] += share * int(architecture_cost(network.design, cut, network.classes)[MACS])
        if latency is not None:
            taken = latency(UpToExit(network, number), network.architecture.resolution)
            means["mean_latency"] += share * float(taken["latency"])
    return means | row


def with_means(table: pd.DataFrame, judged_by: Sequence[str]) -> pd.DataFrame:
    """`table` with the mean costs that networks are judged by, or have: also of those nobody leaves early."""
    for (name, of), suffix in product(MEANS.items(), ("", "_before")):
        mean, of = f"{name}{suffix}", f"{of}{suffix}"
        if (mean in table or name in judged_by) and of in table:
            whole = table[of].astype(float)
            table[mean] = table[mean].fillna(whole) if mean in table else whole
    return table


def say_drop(results: pd.DataFrame) -> None:
    """Log by how much validation accuracy, which chose the networks, is above test: the winner's curse."""
    found = 100 * float((results["accuracy_before"] - results["test_accuracy_before"]).mean())
    finished = 100 * float((results["accuracy_after"] - results["test_accuracy"]).mean())
    word = accuracy_word(results)
    text = "validation %s above test %s, mean of %d networks: as found %+.1f points, as finished %+.1f"
    logger.info(text, word, word, len(results), found, finished)


def with_constraints(results: pd.DataFrame, constraints: Constraints) -> pd.DataFrame:
    """With a column `meets_constraints`, of the network as it is finished; false where it is not known."""
    validated = {"accuracy": "accuracy_after", "macro_accuracy": "macro_after"}
    known = results.assign(**{name: results.get(column, np.nan) for name, column in validated.items()})
    bounded = [BOUNDS[name].objective for name in constraints.active]
    known = known.reindex(columns=list(dict.fromkeys([*known, *bounded])))
    results["meets_constraints"] = constraints.feasible(known)
    missing = known[bounded].isna()
    for name in results["name"][~results["meets_constraints"] & ~missing.any(axis=1)]:
        logger.warning("%s as it is finished does not keep %s", name, constraints)
    for name, row in zip(results["name"], missing.to_numpy(), strict=True):
        if row.any():
            why = _WHY.get(bounded[int(row.argmax())], _NO_TIMES)
            logger.warning("whether %s as it is finished keeps %s is not known: %s", name, constraints, why)
    return results
