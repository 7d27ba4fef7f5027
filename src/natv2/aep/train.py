"""A network trained with all its exits, or with its own last one alone (sections 4.1 and 4.2.5)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import pandas as pd
import torch

from natv2.aep.classifier import MultiExitClassifier, MultiExitHeader
from natv2.aep.confidence import with_temperature
from natv2.aep.config import AepTraining
from natv2.aep.costs import mac_costs
from natv2.aep.joint_training import train, without_augmentation
from natv2.aep.network.backbones import multi_exit_network
from natv2.aep.network.multi_exit import MultiExitNetwork
from natv2.aep.pruning import exit_logits
from natv2.aep.shared_training import SharedTraining, training_key
from natv2.exits.output_weights import search_output_weights
from natv2.exits.stopping_curve import check_mean_cost
from natv2.exits.weightings import ExitWeighting, exit_weights
from natv2.finished_network import StoredNetwork
from natv2.images.batches import evaluation_batches
from natv2.images.image_set import ImageSplits
from natv2.randomness import derived_seed, process_generator
from natv2.run import Run
from natv2.training.state_store import StateStore

Kind = Literal["baseline", "ensemble"]


def trained(
    kind: Kind, images: ImageSplits, training: AepTraining, run: Run, kept: StateStore, store: StateStore
) -> tuple[Mapping[str, StoredNetwork], pd.DataFrame]:
    """The network of `kind` by its name, and its epochs.

    Both kinds start from the same weights and see the same batches. What another run has trained alike is
    taken from `kept`. Raises UserError where the network cannot be built, or a mean cost of early stopping
    cannot be had.
    """
    images, aep = without_augmentation(images).to(run.device), training.aep
    network, modules = _built(kind, images, training, run)
    exit_weighting: ExitWeighting = "UNIF" if kind == "baseline" else training.weights
    network = network.to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    key = training_key(network, exit_weighting, images, training, run)
    shared = SharedTraining(key=f"{kind}_{key}", exit_weighting=exit_weighting, kept=kept, store=store)
    history = shared.history(
        network, lambda: train(network, exit_weighting, images=images, config=aep, run=run, store=store)
    )
    header = MultiExitHeader(
        network=training.network,
        modules=modules,
        kept=network.exits,
        weights=exit_weights(exit_weighting, len(network.exits)).output,
        resolution=aep.resolution,
        class_names=images.class_names,
        mean=images.mean,
        std=images.std,
        levels=images.levels,
        record={
            "dataset": images.name,
            "scenario": training.scenario,
            "weights": exit_weighting,
            "extras": aep.extras(),
            "seed": run.seed,
            "epochs": len(history),
        },
    )
    batches = evaluation_batches(images, images.valid, aep.evaluation_batch_size)
    said = exit_logits(network, batches, aep.resolution)
    if aep.outputs == "search" and kind == "ensemble":
        header = replace(header, weights=search_output_weights(said.logits_ENC, said.labels))
    whole = with_temperature(MultiExitClassifier(network, header), said)
    return {kind: whole.stored()}, pd.DataFrame(history)


def _built(
    kind: Kind, images: ImageSplits, training: AepTraining, run: Run
) -> tuple[MultiExitNetwork, tuple[str, ...]]:
    """The network before training, and the modules that its exits follow."""
    with process_generator(derived_seed(run.seed, "aep", training.network)):
        network, modules = multi_exit_network(
            training.network,
            len(images.class_names),
            resolution=training.aep.resolution,
            exits=training.aep.exits,
            pretrained=training.scenario == "finetune",
        )
    costs = mac_costs(network, training.aep.resolution).when_stopping()
    check_mean_cost(costs, training.aep.stopping.mean_cost)
    return (network.keep(network.exits[-1:]) if kind == "baseline" else network), modules
