"""What is told of a finished multi-exit network."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import torch

from natv2.aep.classifier import MultiExitClassifier
from natv2.aep.confidence import whole_logits
from natv2.aep.config import AepTraining
from natv2.aep.costs import mac_costs, parameter_costs
from natv2.aep.pruning import TOP, ExitLogits, accuracies, exit_logits, format_exits
from natv2.aep.report.changes import exit_columns, percentage_change
from natv2.images.balance import beside_accuracy
from natv2.images.batches import evaluation_batches
from natv2.images.image_set import ImageSplits
from natv2.run import Run
from natv2.training.confidence import calibration_error


def result(classifier: MultiExitClassifier, valid: ExitLogits, test: ExitLogits) -> dict[str, Any]:
    """Top-1 and top-5 (fractions) on validation and test images, what unequal classes need, costs: a row.

    `exit_1`, ... are the exits' own top-1 on test images, `exit_1_top5`, ... their top-5. Where images leave
    early, MACs are the mean over the test images.
    """
    header, network = classifier.header, classifier.network
    row: dict[str, Any] = {"exits": len(header.modules), "kept": format_exits(network.exits)}
    for part, said in (("valid", valid), ("test", test)):
        logits_NC, left = whole_logits(classifier, said)
        top1, top5 = accuracies(logits_NC[None], said.labels, torch.ones(1, 1))
        row[f"{part}_top1"] = float(top1[0])
        if logits_NC.shape[1] > TOP:  # of five classes or fewer any five are right
            row[f"{part}_top5"] = float(top5[0])
    row["calibration_error_uncorrected"] = calibration_error(logits_NC, test.labels)
    row["calibration_error"] = calibration_error(logits_NC, test.labels, header.temperature)
    correct = logits_NC.argmax(dim=1) == test.labels
    row |= beside_accuracy(correct.numpy(), test.labels.numpy(), header.class_names)
    each, among_five = accuracies(test.logits_ENC, test.labels, torch.eye(len(network.exits)))
    macs = mac_costs(network, header.resolution)
    row["params"] = int(parameter_costs(network).of(network.exits))
    row["macs"] = int(macs.of(network.exits)) if left is None else float(macs.when_stopping()[left].mean())
    # Kept exits keep their numbers.
    row |= {f"exit_{exit}": float(top1) for exit, top1 in zip(network.exits, each, strict=True)}
    if logits_NC.shape[1] > TOP:
        row |= {
            f"exit_{exit}_top5": float(top5) for exit, top5 in zip(network.exits, among_five, strict=True)
        }
    return row


def results_table(
    classifiers: Mapping[str, MultiExitClassifier],
    timings: pd.DataFrame,
    images: ImageSplits,
    training: AepTraining,
    run: Run,
) -> pd.DataFrame:
    """A row a network: its run, its accuracies on validation and test images, its costs, its changes."""
    aep = training.aep
    told: dict[str, Any] = {"network": training.network, "dataset": images.name}
    told |= {"scenario": training.scenario, "resolution": aep.resolution, "weights": training.weights}
    told |= {"extras": aep.extras(), "settings": aep.settings(len(images.train)), "seed": run.seed}
    rows = []
    for name, classifier in classifiers.items():
        parts = (
            exit_logits(
                classifier.network,
                evaluation_batches(images, part, aep.evaluation_batch_size),
                classifier.resolution,
            )
            for part in (images.valid, images.test)
        )
        rows.append({"name": name, "variant": _variant(name), **told, **result(classifier, *parts)})
    results = pd.DataFrame(rows).merge(timings, on="name", how="left")
    results["latency"] = results["latency"].fillna(results["mean_latency"])
    return with_changes(results)


def asked_of(classifiers: Mapping[str, MultiExitClassifier], results: pd.DataFrame) -> pd.DataFrame:
    """What files of networks say of themselves, a row each: MACs are those of all exits.

    Where images leave early, `mean_macs` is what one takes on average.
    """
    table = results[["name", "params", "resolution"]].assign(test_accuracy=results["test_top1"])
    networks = [classifiers[name].network for name in results["name"]]
    sizes = results["resolution"]
    table["macs"] = [
        int(mac_costs(network, size).of(network.exits)) for network, size in zip(networks, sizes, strict=True)
    ]
    table["mean_macs"] = results["macs"].where(results["variant"] == "early")
    return table


def _variant(name: str) -> str:
    return {"baseline": "single", "early_stopping": "early"}.get(name, name.split("_")[0])


def with_changes(results: pd.DataFrame) -> pd.DataFrame:
    """`results` with the percentage changes against the single-exit network (Equation 4.4)."""
    single = results[results["variant"] == "single"].iloc[0]
    columns = {"top1": "test_top1", "params": "params", "macs": "macs", "latency": "latency"}
    changes = {
        f"{name}_change": percentage_change(results[column], pd.Series(single[column], results.index))
        for name, column in columns.items()
    }
    others = [name for name in results if name not in exit_columns(results)]
    return results[[*others, *exit_columns(results)]].assign(**changes)
