"""Nodes of `postprocess`: choose, finish, and test once."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from plotly.graph_objects import Figure

from natv2.costs.latency import LatencyConfig
from natv2.costs.parts import MACS, PARAMS, architecture_cost
from natv2.devices import Precision, resolve_device
from natv2.exits.weightings import exit_weights
from natv2.images.batches import Batch, calibration_batches, evaluation_batches
from natv2.images.image_set import ImageSplits
from natv2.objectives.constraint_config import ConstraintParameters
from natv2.pipelines.natv2_search.configuration import asks_for_latency, configure_latency
from natv2.postprocess.config import PostprocessParameters
from natv2.postprocess.methods import METHODS, Finishing, Method, plan_finishing
from natv2.postprocess.report.figure import finished_figure
from natv2.reporting.front import front_figure
from natv2.search.config import SearchParameters
from natv2.search.latency import network_latency
from natv2.search.report.description import architecture_of
from natv2.spaces.architecture import Architecture
from natv2.supernets.checkpoint import Checkpoint
from natv2.supernets.classifier import NetworkHeader, Stored, build_classifier
from natv2.supernets.network import Network
from natv2.training.evaluation import predictions
from natv2.training.optimiser import WEIGHT_DECAYS, OptimiserConfig
from natv2.training.recalibration import calibrate
from natv2.training.recipe import FineTuningConfig, Found, fine_tune
from natv2.training.state_store import Progress

logger = logging.getLogger("natv2")

Networks = dict[str, Stored]
"""Networks by their names."""

_TOLD = ("network", "method", "weighting", "optimizer", "remark")
_RECORDED = (*_TOLD, "accuracy_before", "accuracy_after", "epochs")
_COMPARED = ("test_accuracy", "params", "macs", "latency")


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
) -> tuple[Networks, Networks]:
    """Every chosen network as it was found, and as each method finishes it in two phases."""
    bench = Workbench(narrow, wide, images, search, seed, resolve_device(device))
    found: Networks = {}
    finished: Networks = {}
    methods = METHODS[postprocess.method]
    for row in ({str(n): v for n, v in each.items()} for each in chosen.to_dict("records")):
        architecture = architecture_of(row)
        as_found = bench.plan("none", architecture, postprocess)
        found[row["name"]] = bench.stored(bench.network(as_found), as_found, {"network": row["name"]})
        for method in methods:
            name = row["name"] if len(methods) == 1 else f"{row['name']}_{method}"
            plan = bench.plan(method, architecture, postprocess)
            if plan.method != method and plan.method in methods:
                logger.info("%s: %s; the standard method alone finishes it", row["name"], plan.remark)
                continue
            if plan.remark:
                logger.info("%s: %s; it is finished by the standard method", name, plan.remark)
            network, outcome = bench.network(plan), Found(epochs=0, valid_accuracy=row["accuracy"])
            if plan.method != "none":
                config = configure(plan, postprocess, search, seed, precision)
                network, outcome = fine_tune(
                    network, images=bench.images, config=config, progress=progress.child(name)
                )
            record = {"network": row["name"], "accuracy_before": row["accuracy"], **plan.to_dict()}
            record |= {"accuracy_after": outcome.valid_accuracy, "epochs": outcome.epochs}
            finished[name] = bench.stored(network, plan, record)
    return found, finished


def test_networks(
    found: Networks,
    finished: Networks,
    images: ImageSplits,
    archive: pd.DataFrame,
    search: SearchParameters,
    constraints: ConstraintParameters,
    threads: int | None,
    device: str,
    summary: dict[str, Any],
) -> tuple[pd.DataFrame, pd.DataFrame, Figure, Figure]:
    """Read the test split, for the first and only time; what bounded the search bounds its networks too.

    Gives the table of finished networks, their top-1 (a fraction) in each class, and two figures.
    """
    images = images.to(resolve_device(device))
    batches = evaluation_batches(images, images.test, search.evaluation_batch_size)
    asked = constraints.within(summary["constraints"])
    latency = None
    if asks_for_latency(summary["objectives"], asked):
        latency = configure_latency(search, threads, device)
    before = {name: _tested(stored, batches, latency)[0] for name, stored in found.items()}
    rows, classes = [], pd.DataFrame({"class": images.class_names})
    for name, stored in finished.items():
        row, by_class = _tested(stored, batches, latency)
        was = {f"{column}_before": value for column, value in before[row.pop("network")].items()}
        kept = {column: value for column, value in was.items() if column.removesuffix("_before") in _COMPARED}
        rows.append({"name": name, **row, **kept})
        classes["images"], classes[name] = by_class["size"], by_class["mean"]
    results = _with_constraints(pd.DataFrame(rows), asked)
    others = [name for name in summary["objectives"] if name != "accuracy"]
    axis = others[0] if others else "turn"
    return (
        results,
        classes,
        finished_figure(results, others[0] if others else "macs"),
        front_figure(archive, archive[archive["non_dominated"]], results, axis),
    )


def configure(
    plan: Finishing,
    postprocess: PostprocessParameters,
    search: SearchParameters,
    seed: int,
    precision: Precision,
) -> FineTuningConfig:
    """How `plan` is carried out, from what a person may set."""
    optimiser = OptimiserConfig(
        name=plan.optimizer,
        learning_rate=postprocess.lr,
        epochs=postprocess.max_epochs,
        momentum=postprocess.momentum,
        weight_decay=WEIGHT_DECAYS.get(plan.optimizer, postprocess.weight_decay),
        precision=precision,
    )
    return FineTuningConfig(
        optimiser=optimiser,
        weighting=plan.weighting,
        batch_size=postprocess.batch_size,
        epochs=postprocess.epochs,
        patience=postprocess.patience,
        evaluation_batch_size=search.evaluation_batch_size,
        seed=seed,
    )


class Workbench:
    """Where networks are taken out of their adapted supernets, and put into files."""

    def __init__(
        self,
        narrow: Checkpoint,
        wide: Checkpoint,
        images: ImageSplits,
        search: SearchParameters,
        seed: int,
        target: torch.device,
    ) -> None:
        self.images, self.design, self._source = images.to(target), narrow.design, narrow.origin.get("source")
        self._family = {c.width: c.supernet(dropout=search.dropout).to(target) for c in (narrow, wide)}
        self._calibration = calibration_batches(
            self.images,
            images=search.calibration.images,
            batch_size=search.calibration.batch_size,
            seed=seed,
        )

    def plan(
        self, method: Method, architecture: Architecture, postprocess: PostprocessParameters
    ) -> Finishing:
        """What `method` means for `architecture`."""
        return plan_finishing(
            method,
            architecture,
            self.design,
            weighting=postprocess.weighting,
            optimizer=postprocess.optimizer,
        )

    def network(self, plan: Finishing) -> Network:
        """The network of `plan`, extracted and recalibrated."""
        supernet = self._family[plan.architecture.width]
        return supernet.subnet(plan.architecture, calibrate(supernet, plan.architecture, self._calibration))

    def stored(self, network: Network, plan: Finishing, record: Mapping[str, Any]) -> Stored:
        """What a file holds of `network`."""
        header = NetworkHeader(
            design=self.design.to_dict(),
            architecture=plan.architecture.to_dict(),
            class_names=self.images.class_names,
            mean=self.images.mean,
            std=self.images.std,
            weights=exit_weights(plan.weighting, len(plan.architecture.exits))[1],
            record={"dataset": self.images.name, "source": self._source, **record},
        )
        return dict(network.state_dict()), header.to_dict()


def _tested(
    stored: Stored, batches: Iterable[Batch], latency: LatencyConfig | None
) -> tuple[dict[str, Any], pd.DataFrame]:
    """What a network's row says of it, and its number of images and top-1 in each class."""
    tensors, header = stored
    fields = NetworkHeader(**{key: value for key, value in header.items() if key != "kind"})
    network = build_classifier(tensors, fields).network
    predicted, labels = predictions(network, batches, fields.weights)
    correct = (predicted == labels).double()
    architecture = network.architecture
    cost = architecture_cost(network.design, architecture, len(fields.class_names))
    row = {name: fields.record[name] for name in _RECORDED if name in fields.record}
    row |= {"test_accuracy": float(correct.mean()), "params": int(cost[PARAMS]), "macs": int(cost[MACS])}
    if latency is not None:
        row["latency"], row["latency_spread"] = network_latency(network, latency)
    row |= {"resolution": architecture.resolution, "width": architecture.width}
    row |= {"exit": architecture.deepest_exit, "exits": len(architecture.exits)}
    return row, pd.Series(correct).groupby(labels.numpy()).agg(["size", "mean"])


def _with_constraints(results: pd.DataFrame, constraints: ConstraintParameters) -> pd.DataFrame:
    """With a column `meets_constraints`, of the network as it is finished."""
    bounds = constraints.constraints()
    known = results.assign(accuracy=results["accuracy_after"], latency=results.get("latency", np.nan))
    results["meets_constraints"] = bounds.feasible(known)
    for name in results["name"][~results["meets_constraints"]]:
        logger.warning("%s as it is finished does not keep %s", name, bounds)
    return results
