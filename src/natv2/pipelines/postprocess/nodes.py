"""Nodes of `postprocess`: choose, fine-tune, and test once."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from plotly.graph_objects import Figure
from torch import Tensor

from natv2.costs import MACS, PARAMS, architecture_cost
from natv2.devices import Precision, resolve_device
from natv2.images import ImageSplits, calibration_batches, evaluation_batches
from natv2.parameters import PostprocessParameters, SearchParameters
from natv2.reporting.finished import finished_figure
from natv2.reporting.front import front_figure
from natv2.search.report import architecture_of
from natv2.spaces import Architecture, Design
from natv2.supernets import Checkpoint, NetworkHeader, build_classifier
from natv2.training.calibration import calibrate
from natv2.training.evaluation import predictions
from natv2.training.fine_tuning import FineTuned, FineTuningConfig, fine_tune
from natv2.training.optimiser import ADAMW_WEIGHT_DECAY, OptimiserConfig
from natv2.training.progress import Progress

Networks = dict[str, tuple[dict[str, Tensor], dict[str, Any]]]
"""Tensors and header of each finished network, by its name."""


def choose_networks(front: pd.DataFrame, postprocess: PostprocessParameters) -> pd.DataFrame:
    """What to finish: the whole front, or its high trade-off points and its most accurate network."""
    chosen = front.sort_values("accuracy", ascending=False, ignore_index=True)
    if postprocess.finish == "high_tradeoff":
        chosen = chosen[chosen["high_tradeoff"] | (chosen.index == 0)].reset_index(drop=True)
    chosen.insert(0, "name", [f"network_{number:02}" for number in range(1, len(chosen) + 1)])
    return chosen


def finish_networks(
    chosen: pd.DataFrame,
    narrow: Checkpoint,
    wide: Checkpoint,
    images: ImageSplits,
    postprocess: PostprocessParameters,
    search: SearchParameters,
    seed: int,
    device: str,
    precision: Precision,
    progress: Progress,
) -> Networks:
    """Extract every chosen network from its adapted supernet and fine-tune it in two phases."""
    target = resolve_device(device)
    images = images.to(target)
    family = {c.width: c.supernet(dropout=search.dropout).to(target) for c in (narrow, wide)}
    config = _config(postprocess, search, narrow.design.early_exits, seed, precision)
    calibration = calibration_batches(
        images, images=search.calibration.images, batch_size=search.calibration.batch_size, seed=seed
    )
    finished: Networks = {}
    for row in (dict(zip(chosen.columns, values, strict=True)) for values in chosen.to_numpy(object)):
        architecture = architecture_of(row)
        supernet = family[architecture.width]
        network = supernet.subnet(architecture, calibrate(supernet, architecture, calibration))
        tuned = fine_tune(network, images=images, config=config, progress=progress.child(row["name"]))
        header = _header(tuned, row, narrow, images, architecture)
        finished[row["name"]] = (dict(tuned.network.state_dict()), header.to_dict())
    return finished


def test_networks(
    finished: Mapping[str, tuple[Mapping[str, Tensor], Mapping[str, Any]]],
    images: ImageSplits,
    archive: pd.DataFrame,
    search: SearchParameters,
    summary: dict[str, Any],
) -> tuple[pd.DataFrame, pd.DataFrame, Figure, Figure]:
    """Read the test split, for the first and only time.

    Gives the table of finished networks, their top-1 (a fraction) in each class, and two figures.
    """
    batches = evaluation_batches(images, images.test, search.evaluation_batch_size)
    rows = []
    classes = pd.DataFrame({"class": images.class_names})
    for name, (tensors, header) in finished.items():
        fields = NetworkHeader(**{key: value for key, value in header.items() if key != "kind"})
        predicted, labels = predictions(build_classifier(tensors, fields).network, batches)
        correct = predicted == labels
        rows.append(_result(name, fields, int(correct.sum()) / len(correct)))
        by_class = pd.Series(correct.double()).groupby(labels.numpy()).agg(["size", "mean"])
        classes["images"], classes[name] = by_class["size"], by_class["mean"]
    results = pd.DataFrame(rows)
    others = [name for name in summary["objectives"] if name != "accuracy"]
    front = archive[archive["non_dominated"]]
    axis = others[0] if others else "turn"
    return (
        results,
        classes,
        finished_figure(results, others[0] if others else "macs"),
        front_figure(archive, front, results, axis),
    )


def _config(
    postprocess: PostprocessParameters,
    search: SearchParameters,
    early_exits: bool,
    seed: int,
    precision: Precision,
) -> FineTuningConfig:
    name = postprocess.optimizer
    if name == "auto":
        name = "adamw" if early_exits else "sgd"  # the optima of section 6.3.2
    optimiser = OptimiserConfig(
        name=name,
        learning_rate=postprocess.lr,
        epochs=postprocess.max_epochs,
        momentum=postprocess.momentum,
        weight_decay=postprocess.weight_decay if name == "sgd" else ADAMW_WEIGHT_DECAY,
        precision=precision,
    )
    return FineTuningConfig(
        optimiser=optimiser,
        batch_size=postprocess.batch_size,
        patience=postprocess.patience,
        evaluation_batch_size=search.evaluation_batch_size,
        seed=seed,
    )


def _header(
    tuned: FineTuned,
    row: Mapping[str, Any],
    supernet: Checkpoint,
    images: ImageSplits,
    architecture: Architecture,
) -> NetworkHeader:
    return NetworkHeader(
        design=supernet.design.to_dict(),
        architecture=architecture.to_dict(),
        class_names=images.class_names,
        mean=images.mean,
        std=images.std,
        record={
            "dataset": images.name,
            "source": supernet.origin.get("source"),
            "accuracy_before": row["accuracy"],
            "accuracy_after": tuned.valid_accuracy,
            "epochs": tuned.epochs,
        },
    )


def _result(name: str, fields: NetworkHeader, test_accuracy: float) -> dict[str, Any]:
    architecture = Architecture.from_dict(dict(fields.architecture))
    cost = architecture_cost(Design.from_dict(fields.design), architecture, len(fields.class_names))
    return {
        "name": name,
        "accuracy_before": fields.record["accuracy_before"],
        "accuracy_after": fields.record["accuracy_after"],
        "test_accuracy": test_accuracy,
        "params": int(cost[PARAMS]),
        "macs": int(cost[MACS]),
        "resolution": architecture.resolution,
        "width": architecture.width,
        "exit": architecture.deepest_exit,
        "epochs": fields.record["epochs"],
    }
