"""Standard post-processing: find the number of epochs, start again on all images (section 6.1.5)."""

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from natv2.images import Batch, ImageSet, ImageSplits, evaluation_batches, steps_per_epoch, training_batches
from natv2.supernets import Network
from natv2.training.loop import Step, best_epoch, fit, learn
from natv2.training.optimiser import OptimiserConfig
from natv2.training.progress import Progress


@dataclass(frozen=True, kw_only=True)
class FineTuningConfig:
    """How a found network is fine-tuned (section 6.2.5); its schedule's epochs are the most it may take."""

    optimiser: OptimiserConfig
    batch_size: int
    patience: int
    evaluation_batch_size: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class FineTuned:
    """The network after phase two; `valid_accuracy` is phase one's at the epoch that was best."""

    network: Network
    epochs: int
    valid_accuracy: float


def fine_tune(
    network: Network, *, images: ImageSplits, config: FineTuningConfig, progress: Progress
) -> FineTuned:
    """Fine-tune a copy of `network` twice from its weights; a single-exit network.

    Phase one trains on the training images and finds the number of epochs with the lowest validation
    loss; phase two trains on training and validation images for exactly that number.
    """
    trial = copy.deepcopy(network)
    resolution = network.architecture.resolution
    valid = evaluation_batches(images, images.valid, config.evaluation_batch_size)
    history = fit(
        trial,
        _step(trial, resolution),
        lambda epoch: _batches(images, images.train, config, progress.child("find").name, epoch),
        steps=steps_per_epoch(images.train, config.batch_size),
        config=config.optimiser,
        progress=progress.child("find"),
        seed=config.seed,
        validate=lambda: validate(trial, valid),
        patience=config.patience,
    )
    epochs = best_epoch(history)
    final = copy.deepcopy(network)
    everything = images.train_and_valid()
    fit(
        final,
        _step(final, resolution),
        lambda epoch: _batches(images, everything, config, progress.child("final").name, epoch),
        steps=steps_per_epoch(everything, config.batch_size),
        config=config.optimiser,
        progress=progress.child("final"),
        seed=config.seed,
        until=epochs,
    )
    return FineTuned(
        network=final.eval(), epochs=epochs, valid_accuracy=history[epochs - 1]["valid_accuracy"]
    )


def _batches(
    images: ImageSplits, part: ImageSet, config: FineTuningConfig, purpose: str, epoch: int
) -> Iterator[Batch]:
    return training_batches(
        images, part, batch_size=config.batch_size, seed=config.seed, purpose=purpose, epoch=epoch
    )


def _step(network: Network, resolution: int) -> Step:
    def step(batch: Batch, epoch: int, index: int) -> Tensor:
        network.train()
        (logits,) = network(batch.at(resolution))
        return learn(cross_entropy(logits, batch.labels))

    return step


@torch.no_grad()
def validate(network: Network, batches: Iterable[Batch]) -> dict[str, float]:
    """Loss and top-1 (a fraction) of a single-exit network over `batches`, in evaluation mode."""
    network.eval()
    loss, correct, total = 0.0, 0, 0
    for batch in batches:
        (logits,) = network(batch.at(network.architecture.resolution))
        loss += cross_entropy(logits, batch.labels, reduction="sum").item()
        correct += int((logits.argmax(dim=1) == batch.labels).sum())
        total += len(batch)
    return {"valid_loss": loss / total, "valid_accuracy": correct / total}
