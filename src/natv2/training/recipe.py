"""Post-processing of a found network: find the number of epochs, start again on all images (6.1.5)."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from natv2.exits.ensembles import ensemble
from natv2.exits.weightings import ExitWeighting, exit_weights
from natv2.images.balance import accuracy_of_counts
from natv2.images.batches import Batch, Epochs, evaluation_batches
from natv2.images.image_set import ImageSet, ImageSplits
from natv2.objectives.metric import Metric
from natv2.ranks.world import mine, world
from natv2.run import Run
from natv2.supernets.network import Network
from natv2.training.config import RecipeConfig
from natv2.training.distillation import joint_loss
from natv2.training.finishing import class_weights
from natv2.training.loop import History, Step, Validation, backward, best_epoch, fit
from natv2.training.state_store import StateStore


@dataclass(frozen=True)
class FoundEpochs:
    """What phase one found: how many epochs to train, validation accuracy after them, and its `network` then.

    With one exit, of which nothing more is asked, it is that of the last epoch tried.
    """

    epochs: int
    valid_accuracy: float
    network: Network = field(compare=False, repr=False)


def fine_tune(
    network: Network,
    *,
    images: ImageSplits,
    config: RecipeConfig,
    exit_weighting: ExitWeighting,
    evaluation_batch_size: int,
    run: Run,
    store: StateStore,
    metric: Metric = "top1",
) -> tuple[Network, FoundEpochs]:
    """Fine-tune copies of `network` twice from its weights; gives the second, and what the first found.

    A network with several exits is trained jointly and judged as an ensemble, both by `exit_weighting`: the
    AEP-based method. One exit's weight is 1, whatever the weighting.

    Phase one trains on the training images and finds the number of epochs with the lowest validation
    loss, or with `epochs="all"` what the whole schedule is worth; phase two trains on training and
    validation images for exactly that number. Accuracy is by `metric`; by `macro` the classes count alike in
    the validation loss too, which chooses.
    """
    found = find_epochs(
        network,
        images=images,
        config=config,
        exit_weighting=exit_weighting,
        evaluation_batch_size=evaluation_batch_size,
        run=run,
        store=store,
        metric=metric,
    )
    final, step = copy.deepcopy(network), store.child("final")
    part = images.train_and_valid()
    _fit(final, exit_weighting, images, part, config, run, step, until=found.epochs)
    return final.eval(), found


def find_epochs(
    network: Network,
    *,
    images: ImageSplits,
    config: RecipeConfig,
    exit_weighting: ExitWeighting,
    evaluation_batch_size: int,
    run: Run,
    store: StateStore,
    metric: Metric = "top1",
) -> FoundEpochs:
    """Phase one, on a copy of `network`."""
    trial = copy.deepcopy(network)
    valid = evaluation_batches(images, images.valid, evaluation_batch_size)
    weights = exit_weights(exit_weighting, len(network.architecture.exits)).output
    loss_weights = None
    if metric == "macro":
        loss_weights = class_weights(images.valid.labels, len(images.class_names)).to(images.device)
    validation = Validation(
        metrics=lambda: validate(trial, valid, weights, metric, loss_weights),
        patience=config.patience if config.epochs == "found" else None,
        keep_best=config.epochs == "found" and len(network.architecture.exits) > 1,
    )
    history = _fit(
        trial, exit_weighting, images, images.train, config, run, store.child("find"), validation=validation
    )
    epochs = best_epoch(history) if config.epochs == "found" else len(history)
    return FoundEpochs(epochs, history[epochs - 1]["valid_accuracy"], trial.eval())


def _fit(
    network: Network,
    exit_weighting: ExitWeighting,
    images: ImageSplits,
    part: ImageSet,
    config: RecipeConfig,
    run: Run,
    store: StateStore,
    **options: Any,
) -> History:
    return fit(
        network,
        _step(network, exit_weighting),
        Epochs(images, part, config.batch_size, run.seed, store.name),
        optimiser=config,
        schedule=config.schedule,
        precision=run.precision,
        store=store,
        **options,
    )


def _step(network: Network, exit_weighting: ExitWeighting) -> Step:
    losses = exit_weights(exit_weighting, len(network.architecture.exits)).loss
    resolution = network.architecture.resolution

    def step(batch: Batch, epoch: int, index: int) -> Tensor:
        network.train()
        logits = network(batch.at(resolution))
        return backward(joint_loss(logits, batch.labels, losses, label_smoothing=0.0))

    return step


@torch.no_grad()
def validate(
    network: Network,
    batches: Iterable[Batch],
    weights: tuple[float, ...],
    metric: Metric = "top1",
    loss_weights: Tensor | None = None,
) -> dict[str, float]:
    """Loss and accuracy (a fraction) over `batches`, in evaluation mode, of the exits' outputs by `weights`.

    The classes count in the loss what `loss_weights` (classes,) say, else as their images. Ranks share the
    batches.
    """
    network.eval()
    loss, counts = 0.0, torch.zeros(2, network.classes, dtype=torch.float64)
    for batch in mine(batches):
        logits = ensemble(network(batch.at(network.architecture.resolution)), weights)
        loss += cross_entropy(logits, batch.labels, loss_weights, reduction="sum").item()
        right = logits.argmax(dim=1) == batch.labels
        counted = torch.stack([right, torch.ones_like(right)]).double()
        counts += counted.new_zeros(counts.shape).index_add_(1, batch.labels, counted).cpu()
    total = world().sum(torch.cat([torch.tensor([loss], dtype=torch.float64), counts.flatten()]))
    right_C, images_C = total[1:].reshape(2, -1).long().numpy()
    accuracy = float(accuracy_of_counts(right_C, images_C, metric))
    return {"valid_loss": float(total[0]) / int(images_C.sum()), "valid_accuracy": accuracy}
