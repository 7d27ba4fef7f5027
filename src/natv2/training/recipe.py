"""Post-processing of a found network: find the number of epochs, start again on all images (6.1.5)."""

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from natv2.exits.weightings import Weighting, ensemble, exit_weights
from natv2.images.batches import Batch, evaluation_batches, steps_per_epoch, training_batches
from natv2.images.image_set import ImageSet, ImageSplits
from natv2.supernets.network import Network
from natv2.training.distillation import joint_loss
from natv2.training.loop import Step, best_epoch, fit, learn
from natv2.training.optimiser import OptimiserConfig
from natv2.training.state_store import Progress

Epochs = Literal["found", "all"]
"""How many: those with the lowest validation loss, as the thesis has it, or the schedule to its end."""


@dataclass(frozen=True, kw_only=True)
class FineTuningConfig:
    """How a found network is fine-tuned (section 6.2.5); its schedule's epochs are the most it may take.

    `patience` ends phase one where epochs are `found`. A network with several exits is trained jointly and
    judged as an ensemble, both by `weighting`: the AEP-based method. One exit's weight is 1, whatever the
    weighting.
    """

    optimiser: OptimiserConfig
    weighting: Weighting = "UNIF"
    batch_size: int
    epochs: Epochs = "found"
    patience: int
    evaluation_batch_size: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Found:
    """What phase one found: how many epochs to train, and validation top-1 behind them."""

    epochs: int
    valid_accuracy: float


def fine_tune(
    network: Network, *, images: ImageSplits, config: FineTuningConfig, progress: Progress
) -> tuple[Network, Found]:
    """Fine-tune copies of `network` twice from its weights; gives the second, and what the first found.

    Phase one trains on the training images and finds the number of epochs with the lowest validation
    loss, or with `epochs="all"` what the whole schedule is worth; phase two trains on training and
    validation images for exactly that number.
    """
    found = find_epochs(network, images=images, config=config, progress=progress)
    final = copy.deepcopy(network)
    everything = images.train_and_valid()
    fit(
        final,
        _step(final, config.weighting),
        lambda epoch: _batches(images, everything, config, progress.child("final").name, epoch),
        steps=steps_per_epoch(everything, config.batch_size),
        config=config.optimiser,
        progress=progress.child("final"),
        seed=config.seed,
        until=found.epochs,
    )
    return final.eval(), found


def find_epochs(
    network: Network, *, images: ImageSplits, config: FineTuningConfig, progress: Progress
) -> Found:
    """Phase one, on a copy of `network`."""
    trial = copy.deepcopy(network)
    valid = evaluation_batches(images, images.valid, config.evaluation_batch_size)
    _, outputs = exit_weights(config.weighting, len(network.architecture.exits))
    history = fit(
        trial,
        _step(trial, config.weighting),
        lambda epoch: _batches(images, images.train, config, progress.child("find").name, epoch),
        steps=steps_per_epoch(images.train, config.batch_size),
        config=config.optimiser,
        progress=progress.child("find"),
        seed=config.seed,
        validate=lambda: validate(trial, valid, outputs),
        patience=config.patience if config.epochs == "found" else None,
    )
    epochs = best_epoch(history) if config.epochs == "found" else len(history)
    return Found(epochs=epochs, valid_accuracy=history[epochs - 1]["valid_accuracy"])


def _batches(
    images: ImageSplits, part: ImageSet, config: FineTuningConfig, purpose: str, epoch: int
) -> Iterator[Batch]:
    return training_batches(
        images, part, batch_size=config.batch_size, seed=config.seed, purpose=purpose, epoch=epoch
    )


def _step(network: Network, weighting: Weighting) -> Step:
    losses, _ = exit_weights(weighting, len(network.architecture.exits))
    resolution = network.architecture.resolution

    def step(batch: Batch, epoch: int, index: int) -> Tensor:
        network.train()
        logits = network(batch.at(resolution))
        return learn(joint_loss(logits, batch.labels, losses, label_smoothing=0.0))

    return step


@torch.no_grad()
def validate(network: Network, batches: Iterable[Batch], weights: tuple[float, ...]) -> dict[str, float]:
    """Loss and top-1 (a fraction) over `batches`, in evaluation mode, of the exits' outputs by `weights`."""
    network.eval()
    loss, correct, total = 0.0, 0, 0
    for batch in batches:
        logits = ensemble(network(batch.at(network.architecture.resolution)), weights)
        loss += cross_entropy(logits, batch.labels, reduction="sum").item()
        correct += int((logits.argmax(dim=1) == batch.labels).sum())
        total += len(batch)
    return {"valid_loss": loss / total, "valid_accuracy": correct / total}
