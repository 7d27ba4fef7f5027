"""Nodes of `aep`: train with one exit and with all, prune, calibrate, measure, and test once."""

from dataclasses import replace
from typing import Any

import pandas as pd
import torch
from plotly.graph_objects import Figure

from natv2.aep.classifier import (
    MultiExitClassifier,
    MultiExitHeader,
    build_multi_exit,
    cut_to,
    stored,
    stored_header,
)
from natv2.aep.config import AepParameters
from natv2.aep.costs import mac_costs, parameter_costs
from natv2.aep.measuring import epoch_seconds, latencies, mean_latencies, part_latencies
from natv2.aep.network.backbones import multi_exit_network
from natv2.aep.pruning import Answers, answers, judge, read
from natv2.aep.report.figures import curves_figure, results_figure, stopping_figure, subsets_figure
from natv2.aep.results import result, with_changes
from natv2.aep.training import AepConfig, train, without_augmentation
from natv2.costs.latency import LatencyConfig
from natv2.devices import Precision, resolve_device
from natv2.exits.leaving import check_mean_cost, choose_stopping, stopping_curve
from natv2.exits.output_weights import search_output_weights
from natv2.exits.weightings import Weighting, exit_weights
from natv2.images.batches import evaluation_batches
from natv2.images.image_set import ImageSet, ImageSplits
from natv2.randomness import derived_seed
from natv2.supernets.classifier import Stored
from natv2.training.optimiser import OptimiserConfig
from natv2.training.state_store import Progress

Networks = dict[str, Stored]
"""Networks by their names."""

_TIMED = 100  # images whose leaving early is timed one by one


def train_baseline(
    images: ImageSplits,
    network: str,
    weights: Weighting,
    scenario: str,
    aep: AepParameters,
    seed: int,
    device: str,
    precision: Precision,
    progress: Progress,
) -> tuple[Networks, pd.DataFrame]:
    """The network with its own last exit alone, trained under the conditions of the other (section 4.2.5)."""
    return _trained("baseline", images, network, weights, scenario, aep, seed, device, precision, progress)


def train_ensemble(
    images: ImageSplits,
    network: str,
    weights: Weighting,
    scenario: str,
    aep: AepParameters,
    seed: int,
    device: str,
    precision: Precision,
    progress: Progress,
) -> tuple[Networks, pd.DataFrame]:
    """The network with all its exits, trained together from the weights that the other started from (4.1)."""
    return _trained("ensemble", images, network, weights, scenario, aep, seed, device, precision, progress)


def report_training(baseline: pd.DataFrame, ensemble: pd.DataFrame) -> tuple[pd.DataFrame, Figure]:
    """The epochs of both trainings as one table, and their figure."""
    curves = pd.concat([baseline.assign(network="baseline"), ensemble.assign(network="ensemble")])
    curves.insert(0, "epoch", curves.groupby("network").cumcount() + 1)
    curves.insert(0, "network", curves.pop("network"))
    return curves, curves_figure(curves)


def prune_ensemble(
    baseline: Networks,
    ensemble: Networks,
    images: ImageSplits,
    aep: AepParameters,
    threads: int | None,
    device: str,
    progress: Progress,
) -> tuple[Networks, pd.DataFrame, Figure]:
    """Judge every sub-ensemble on validation images from one pass, and cut the network to the best (4.1)."""
    whole, alone = (_built(stored, device) for stored in (ensemble["ensemble"], baseline["baseline"]))
    costs = {
        "params": parameter_costs(whole.network),
        "macs": mac_costs(whole.network, aep.resolution),
        "latency": part_latencies(whole.network, aep.resolution, _latency(aep, threads, device), progress),
    }
    subsets = judge(_answers(whole, images, images.valid, aep), whole.header.weights, costs)
    # The single-exit network has the parts of the one cut to its last exit, and costs what that costs.
    single = judge(_answers(alone, images, images.valid, aep), (1.0,), costs)
    best = pd.Series(subsets.index == 0)
    chosen = best | subsets["non_dominated"] if aep.pruning == "front" else best
    pruned = {
        "pruned" if number == 0 else f"front_{number:02}": stored(cut_to(whole, read(kept)))
        for number, kept in enumerate(subsets["kept"][chosen])
    }
    return pruned, subsets, subsets_figure(subsets, chosen, single)


def calibrate_early_stopping(
    ensemble: Networks, images: ImageSplits, aep: AepParameters, device: str
) -> tuple[Networks, pd.DataFrame, Figure]:
    """Thresholds by which an image leaves early, for the mean cost or the accuracy that is asked for."""
    whole = _built(ensemble["ensemble"], device)
    said = _answers(whole, images, images.valid, aep)
    costs = mac_costs(whole.network, aep.resolution).when_stopping()
    curve = stopping_curve(said.logits_ENC, said.labels, whole.header.weights, costs)
    mean_cost, accuracy = aep.stopping.mean_cost, aep.stopping.accuracy
    if mean_cost is None and accuracy is None:
        accuracy = float(curve["top1"].iloc[-1])
    share = None if mean_cost is None else mean_cost * float(costs[-1])
    stopping, row = choose_stopping(curve, mean_cost=share, accuracy=accuracy)
    early = replace(whole.header, thresholds=stopping.thresholds)
    ensembles = judge(said, whole.header.weights, {"macs": mac_costs(whole.network, aep.resolution)})
    return (
        {"early_stopping": (ensemble["ensemble"][0], early.to_dict())},
        curve,
        stopping_figure(curve, row, ensembles),
    )


def measure_networks(
    baseline: Networks,
    ensemble: Networks,
    pruned: Networks,
    early: Networks,
    images: ImageSplits,
    weights: Weighting,
    aep: AepParameters,
    seed: int,
    threads: int | None,
    device: str,
    precision: Precision,
) -> pd.DataFrame:
    """What an image takes in each network (ms), and an epoch of their training (s): a row each."""
    networks = {name: _built(each, device) for name, each in (baseline | ensemble | pruned).items()}
    config = _latency(aep, threads, device)
    medians = latencies([each.network for each in networks.values()], aep.resolution, config)
    table = pd.DataFrame(
        {"name": list(networks), "latency": medians.median, "latency_spread": medians.spread}
    )
    images = without_augmentation(images).to(resolve_device(device))
    table["epoch_seconds"] = pd.Series(
        epoch_seconds(
            [networks[name].network for name in ("baseline", "ensemble")],
            images,
            [_config(w, aep, seed, precision) for w in ("UNIF", weights)],
        )
    )
    # Where images leave early each takes its own time: the mean over some, beside that of the whole network.
    some = images.valid.subset(torch.arange(min(_TIMED, len(images.valid))))
    x = next(iter(evaluation_batches(images, some, _TIMED))).at(aep.resolution)
    stopping = _built(early["early_stopping"], device).early_stopping()
    pair = [stopping, networks["ensemble"].network]
    means = mean_latencies(pair, x, replace(config, repetitions=min(5, config.repetitions)))
    means_table = pd.DataFrame({"name": ["early_stopping", "ensemble"], "mean_latency": means})
    return table.merge(means_table, on="name", how="outer", sort=False)


def test_networks(
    baseline: Networks,
    ensemble: Networks,
    pruned: Networks,
    early: Networks,
    timings: pd.DataFrame,
    images: ImageSplits,
    network: str,
    weights: Weighting,
    scenario: str,
    aep: AepParameters,
    seed: int,
    device: str,
) -> tuple[pd.DataFrame, Figure]:
    """Read the test split, for the first and only time: the table of all networks, and its figure."""
    run: dict[str, Any] = {"network": network, "dataset": images.name, "scenario": scenario}
    run |= {"resolution": aep.resolution, "weights": weights, "extras": aep.extras()}
    run |= {"settings": aep.settings(len(images.train)), "seed": seed}
    rows = []
    for name, each in (baseline | ensemble | pruned | early).items():
        classifier = _built(each, device)
        parts = (_answers(classifier, images, part, aep) for part in (images.valid, images.test))
        rows.append({"name": name, "variant": _variant(name), **run, **result(classifier, *parts)})
    results = pd.DataFrame(rows).merge(timings, on="name", how="left")
    results["latency"] = results["latency"].fillna(results["mean_latency"])
    results = with_changes(results)
    return results, results_figure(results)


def _variant(name: str) -> str:
    return {"baseline": "single", "early_stopping": "early"}.get(name, name.split("_")[0])


def _trained(
    kind: str,
    images: ImageSplits,
    network: str,
    weights: Weighting,
    scenario: str,
    aep: AepParameters,
    seed: int,
    device: str,
    precision: Precision,
    progress: Progress,
) -> tuple[Networks, pd.DataFrame]:
    target = resolve_device(device)
    images = without_augmentation(images).to(target)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(seed, "aep", network))
        made, modules = multi_exit_network(
            network,
            len(images.class_names),
            resolution=aep.resolution,
            exits=aep.exits,
            pretrained=scenario == "finetune",
        )
    check_mean_cost(mac_costs(made, aep.resolution).when_stopping(), aep.stopping.mean_cost)
    if kind == "baseline":
        made = made.keep(made.exits[-1:])
    given: Weighting = "UNIF" if kind == "baseline" else weights
    made = made.to(target, memory_format=torch.channels_last)  # type: ignore[call-overload]
    history = train(made, images=images, config=_config(given, aep, seed, precision), progress=progress)
    header = MultiExitHeader(
        network=network,
        modules=modules,
        kept=made.exits,
        weights=exit_weights(given, len(made.exits))[1],
        resolution=aep.resolution,
        class_names=images.class_names,
        mean=images.mean,
        std=images.std,
        record={
            "dataset": images.name,
            "scenario": scenario,
            "weights": given,
            "extras": aep.extras(),
            "seed": seed,
            "epochs": len(history),
        },
    )
    classifier = MultiExitClassifier(made, header)
    if aep.outputs == "search" and kind == "ensemble":
        said = _answers(classifier, images, images.valid, aep)
        found = search_output_weights(said.logits_ENC, said.labels)
        classifier = MultiExitClassifier(made, replace(header, weights=found))
    return {kind: stored(classifier)}, pd.DataFrame(history)


def _config(weighting: Weighting, aep: AepParameters, seed: int, precision: Precision) -> AepConfig:
    return AepConfig(
        weighting=weighting,
        learned_losses=aep.losses == "learned",
        diversity=aep.diversity,
        optimiser=OptimiserConfig(
            name=aep.optimizer,
            learning_rate=aep.lr,
            epochs=aep.max_epochs,
            course="constant",
            weight_decay=aep.weight_decay,
            precision=precision,
        ),
        resolution=aep.resolution,
        batch_size=aep.batch_size,
        patience=aep.patience,
        evaluation_batch_size=aep.evaluation_batch_size,
        seed=seed,
    )


def _built(each: Stored, device: str) -> MultiExitClassifier:
    tensors, header = each
    classifier = build_multi_exit(tensors, stored_header(header))
    return classifier.to(resolve_device(device))


def _answers(
    classifier: MultiExitClassifier, images: ImageSplits, part: ImageSet, aep: AepParameters
) -> Answers:
    device = next(classifier.parameters()).device
    batches = evaluation_batches(images.to(device), part, aep.evaluation_batch_size)
    return answers(classifier.network, batches, classifier.header.resolution)


def _latency(aep: AepParameters, threads: int | None, device: str) -> LatencyConfig:
    return LatencyConfig(
        device=resolve_device(device).type,
        threads=aep.latency.threads or threads,
        batch=1,
        warm_up=aep.latency.warm_up,
        repetitions=aep.latency.repetitions,
    )
