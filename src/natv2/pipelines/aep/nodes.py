"""Nodes of `aep`: train with one exit and with all, prune, calibrate, measure, and test once."""

from dataclasses import replace

import pandas as pd
from plotly.graph_objects import Figure

from natv2.aep.classifier import MultiExitClassifier
from natv2.aep.confidence import with_temperature
from natv2.aep.config import AepConfig, AepTraining
from natv2.aep.costs import KeptExits, mac_costs, parameter_costs
from natv2.aep.measuring import part_latencies, timings
from natv2.aep.pruning import (
    ExitLogits,
    chosen_subsets,
    evaluate_subsets,
    exit_logits,
    parse_exits,
)
from natv2.aep.report.figures import curves_figure, results_figure, stopping_figure, subsets_figure
from natv2.aep.results import asked_of, results_table
from natv2.aep.train import trained
from natv2.exits.stopping_curve import choose_stopping, stopping_curve
from natv2.finished_network import StoredNetwork, StoredNetworks
from natv2.images.batches import evaluation_batches
from natv2.images.image_set import ImageSplits
from natv2.network_facts import with_facts
from natv2.own_network import imported
from natv2.run import Run
from natv2.training.state_store import StateStore


def train_baseline(
    images: ImageSplits, training: AepTraining, run: Run, kept: StateStore, store: StateStore
) -> tuple[StoredNetworks, pd.DataFrame]:
    """The network with its own last exit alone, trained under the conditions of the other (section 4.2.5)."""
    return trained("baseline", images, training, run, kept, store)


def train_ensemble(
    images: ImageSplits, training: AepTraining, run: Run, kept: StateStore, store: StateStore
) -> tuple[StoredNetworks, pd.DataFrame]:
    """The network with all its exits, trained together from the weights that the other started from (4.1)."""
    return trained("ensemble", images, training, run, kept, store)


def report_training(baseline: pd.DataFrame, ensemble: pd.DataFrame) -> tuple[pd.DataFrame, Figure]:
    """The epochs of both trainings as one table, and their figure."""
    curves = pd.concat([baseline.assign(network="baseline"), ensemble.assign(network="ensemble")])
    curves.insert(0, "epoch", curves.groupby("network").cumcount() + 1)
    curves.insert(0, "network", curves.pop("network"))
    return curves, curves_figure(curves)


def prune_ensemble(
    baseline: StoredNetworks,
    ensemble: StoredNetworks,
    images: ImageSplits,
    training: AepTraining,
    run: Run,
    store: StateStore,
) -> tuple[StoredNetworks, pd.DataFrame, Figure]:
    """Evaluate every sub-ensemble on validation images in one pass, and cut the network to the best (4.1)."""
    aep = training.aep
    whole, alone = (_built(each, training, run) for each in (ensemble["ensemble"], baseline["baseline"]))
    costs = {
        "params": parameter_costs(whole.network),
        "macs": mac_costs(whole.network, aep.resolution),
        "latency": part_latencies(whole.network, aep.resolution, aep.latency, run, store),
    }
    said = _validated(whole, images, aep, run)
    subsets = evaluate_subsets(said, whole.header.weights, costs)
    # The single-exit network has the parts of the one cut to its last exit, and costs what that costs.
    single = evaluate_subsets(_validated(alone, images, aep, run), (1.0,), costs)
    chosen = chosen_subsets(subsets, aep.pruning)
    pruned = {
        "pruned" if number == 0 else f"front_{number:02}": _cut(whole, parse_exits(kept), said).stored()
        for number, kept in enumerate(subsets["kept"][chosen])
    }
    return pruned, subsets, subsets_figure(subsets, chosen, single)


def calibrate_early_stopping(
    ensemble: StoredNetworks, images: ImageSplits, training: AepTraining, run: Run
) -> tuple[StoredNetworks, pd.DataFrame, Figure]:
    """Thresholds by which an image leaves early, for the mean cost or the accuracy that is asked for."""
    aep = training.aep
    whole = _built(ensemble["ensemble"], training, run)
    said = _validated(whole, images, aep, run)
    costs = mac_costs(whole.network, aep.resolution)
    curve = stopping_curve(said.logits_ENC, said.labels, whole.header.weights, costs.when_stopping())
    mean_cost, accuracy = aep.stopping.mean_cost, aep.stopping.accuracy
    if mean_cost is None and accuracy is None:
        accuracy = float(curve["top1"].iloc[-1])
    share = None if mean_cost is None else mean_cost * float(costs.when_stopping()[-1])
    stopping, row = choose_stopping(curve, mean_cost=share, accuracy=accuracy)
    early = MultiExitClassifier(whole.network, replace(whole.header, thresholds=stopping.thresholds))
    early = with_temperature(early, said)
    ensembles = evaluate_subsets(said, whole.header.weights, {"macs": costs})
    return {"early_stopping": early.stored()}, curve, stopping_figure(curve, row, ensembles)


def measure_networks(
    baseline: StoredNetworks,
    ensemble: StoredNetworks,
    pruned: StoredNetworks,
    early: StoredNetworks,
    images: ImageSplits,
    training: AepTraining,
    run: Run,
) -> pd.DataFrame:
    """What an image takes in each network (ms), and an epoch of their training (s): a row each."""
    stored = {**baseline, **ensemble, **pruned}
    networks = {name: _built(each, training, run) for name, each in stored.items()}
    return timings(networks, _built(early["early_stopping"], training, run), images, training, run)


def test_networks(
    baseline: StoredNetworks,
    ensemble: StoredNetworks,
    pruned: StoredNetworks,
    early: StoredNetworks,
    timings: pd.DataFrame,
    images: ImageSplits,
    training: AepTraining,
    run: Run,
) -> tuple[StoredNetworks, pd.DataFrame, Figure]:
    """Read the test split, for the first and only time.

    Gives all networks, which know what was found of them, their table, and its figure.
    """
    stored = {**baseline, **ensemble, **pruned, **early}
    networks = {name: _built(each, training, run) for name, each in stored.items()}
    results = results_table(networks, timings, images.to(run.device), training, run)
    return with_facts(stored, asked_of(networks, results)), results, results_figure(results)


def _cut(whole: MultiExitClassifier, kept: KeptExits, said: ExitLogits) -> MultiExitClassifier:
    places = [said.exits.index(exit) for exit in kept]
    return with_temperature(whole.cut_to(kept), replace(said, exits=kept, logits_ENC=said.logits_ENC[places]))


def _built(stored: StoredNetwork, training: AepTraining, run: Run) -> MultiExitClassifier:
    # A network of a person's own is the one that this run's parameters name, not one that a file does.
    build = imported(training.network) if ":" in training.network else None
    return MultiExitClassifier.build(stored, build).to(run.device)


def _validated(classifier: MultiExitClassifier, images: ImageSplits, aep: AepConfig, run: Run) -> ExitLogits:
    images = images.to(run.device)
    batches = evaluation_batches(images, images.valid, aep.evaluation_batch_size)
    return exit_logits(classifier.network, batches, classifier.resolution)
