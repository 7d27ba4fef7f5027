"""What is told of a finished multi-exit network."""

from typing import Any

import pandas as pd
import torch

from natv2.aep.classifier import MultiExitClassifier
from natv2.aep.costs import mac_costs, parameter_costs
from natv2.aep.pruning import Answers, accuracies, written
from natv2.aep.report.changes import exit_columns, percentage_change
from natv2.exits.leaving import stopped


def result(classifier: MultiExitClassifier, valid: Answers, test: Answers) -> dict[str, Any]:
    """Top-1 and top-5 (fractions) on validation and test images, and costs: a row of a table.

    `exit_1`, ... are the exits' own top-1 on test images. Where images leave early, MACs are the mean over
    the test images.
    """
    header, network = classifier.header, classifier.network
    row: dict[str, Any] = {"exits": len(header.modules), "kept": written(network.exits)}
    leaving = header.thresholds is not None
    for part, said in (("valid", valid), ("test", test)):
        logits_NC = torch.einsum("e,enc->nc", torch.tensor(header.weights), said.logits_ENC)
        if leaving:
            logits_NC, left = stopped(said.logits_ENC, header.weights, classifier.stopping())
        top1, top5 = accuracies(logits_NC[None], said.labels, torch.ones(1, 1))
        row |= {f"{part}_top1": float(top1[0]), f"{part}_top5": float(top5[0])}
    each, _ = accuracies(test.logits_ENC, test.labels, torch.eye(len(network.exits)))
    macs = mac_costs(network, header.resolution)
    row["params"] = int(parameter_costs(network).of(network.exits))
    row["macs"] = float(macs.when_stopping()[left].mean()) if leaving else int(macs.of(network.exits))
    # Kept exits keep their numbers.
    return row | {f"exit_{exit}": float(top1) for exit, top1 in zip(network.exits, each, strict=True)}


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
