"""Joint training of all exits (section 4.1), each of them followed epoch by epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from natv2.aep.config import AepConfig
from natv2.aep.losses import LearnedWeights, network_loss
from natv2.aep.network.multi_exit import MultiExitNetwork
from natv2.aep.pruning import TOP
from natv2.exits.ensembles import ensemble
from natv2.exits.weightings import ExitWeighting, ExitWeights, exit_weights, trained_alike
from natv2.images.augmentation import Augmentation
from natv2.images.batches import Batch, Epochs, evaluation_batches
from natv2.images.image_set import ImageSplits
from natv2.ranks.world import mine, world
from natv2.run import Run
from natv2.training.loop import History, Step, Validation, backward, fit
from natv2.training.state_store import StateStore

_PURPOSE = "aep"  # of all draws, so that networks with one exit and with all see the same batches
_QUICKEST, _REST = 0.1, 0.05  # momentum; what may be left of the start after an epoch


def without_augmentation(images: ImageSplits) -> ImageSplits:
    """`images` as the thesis trains on them: resized and normalised, nothing else."""
    return replace(images, augmentation=Augmentation())


def train(
    network: MultiExitNetwork,
    exit_weighting: ExitWeighting,
    *,
    images: ImageSplits,
    config: AepConfig,
    run: Run,
    store: StateStore,
) -> History:
    """Train all exits of `network` together, in place; it ends with the weights of its best epoch.

    Training ends early when the validation loss, weighted over the exits as in training, has not
    fallen for `patience` epochs. The history has an entry an epoch: `loss`, `top1` and `top5` of the
    ensemble and of `exit_1`, ..., on training batches as they were trained on and on validation images; and
    top-1 and top-5 of `exits_as_NAME`, the same exits put together as by each weighting that trains alike.
    """
    weights = exit_weights(exit_weighting, len(network.exits))
    epochs = Epochs(images, images.train, config.batch_size, run.seed, _PURPOSE)
    quicken_norms(network, epochs.steps)
    training = JointTraining(network, weights, config)
    seen = Meters(network.exits, weights, trained_alike(exit_weighting, len(network.exits)))
    valid = evaluation_batches(images, images.valid, config.evaluation_batch_size)

    def validate() -> Mapping[str, float]:
        trained = seen.take("train") | training.learned_weights()
        network.eval()
        with torch.inference_mode():
            for batch in mine(valid):
                seen.add(network(batch.at(config.resolution)), batch.labels)
        return trained | seen.take("valid")

    return fit(
        training,
        training.step(seen),
        epochs,
        optimiser=config,
        schedule=config.schedule,
        precision=run.precision,
        store=store,
        validation=Validation(metrics=validate, patience=config.patience, keep_best=True),
    )


def quicken_norms(network: nn.Module, steps: int) -> None:
    """Let running statistics, in place, follow within an epoch of so many `steps`.

    Those of MobileNetV3 and EfficientNet move by 1 % a step, for ImageNet's thousands: on a small data set
    they would be those of the start while early stopping looks at them. Never slower than the network's own,
    never quicker than torch's default.
    """
    quick = min(_QUICKEST, 1 - _REST ** (1 / steps))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.momentum is not None:
            module.momentum = max(module.momentum, quick)


class JointTraining(nn.Module):
    """A network in training: itself, and the weights of its losses where these are learned too."""

    def __init__(self, network: MultiExitNetwork, weights: ExitWeights, config: AepConfig) -> None:
        super().__init__()
        self.network, self.losses, self.config = network, weights.loss, config
        # One exit has nothing to be weighed against.
        learned = config.losses == "learned" and len(weights.loss) > 1
        self.learned = LearnedWeights(weights.loss) if learned else None

    def step(self, seen: "Meters | None" = None) -> Step:
        """The training step of all exits together."""

        def step(batch: Batch, epoch: int, index: int) -> Tensor:
            self.network.train()
            logits = self.network(batch.at(self.config.resolution))
            loss = network_loss(logits, batch.labels, self.losses, self.learned, self.config.diversity)
            trained = backward(loss)
            if seen is not None:
                seen.add([output.detach() for output in logits], batch.labels)
            return trained

        return step

    def learned_weights(self) -> dict[str, float]:
        """What the losses of exits count now, where that is learned."""
        if self.learned is None:
            return {}
        names = (f"loss_weight_exit_{exit}" for exit in self.network.exits)
        return dict(zip(names, self.learned.weights, strict=True))


class Meters:
    """Sums of losses and right answers of an ensemble and of each of its exits, image by image.

    `alike` are other output weights by their names, of which the right answers count too.
    """

    def __init__(
        self, exits: Sequence[int], weights: ExitWeights, alike: Mapping[Any, Sequence[float]] | None = None
    ) -> None:
        self._names = [f"exit_{exit}" for exit in exits] if len(exits) > 1 else []
        self._losses, self._outputs = weights
        self._alike = alike or {}
        self._images, self._sums = 0, torch.zeros(self._rows, 3)

    @property
    def _rows(self) -> int:
        return 1 + len(self._names) + len(self._alike)

    def add(self, logits: Sequence[Tensor], labels: Tensor) -> None:
        """Count a batch's `logits`, (N, classes) each."""
        each = [_sums(output, labels) for output in logits]
        whole = _sums(ensemble(logits, self._outputs), labels)
        # The network's loss is the weighted sum of its exits', not that of its ensemble.
        whole[0] = sum(weight * sums[0] for weight, sums in zip(self._losses, each, strict=True))
        others = [_sums(ensemble(logits, outputs), labels) for outputs in self._alike.values()]
        sums = torch.stack([whole, *(each if self._names else []), *others])
        self._sums = self._sums.to(sums.device) + sums
        self._images += len(labels)

    def take(self, part: str) -> dict[str, float]:
        """Means since the last taking, over all ranks, by names such as `part`_exit_1_top1; starts anew."""
        sums = world().sum(self._sums)
        images = int(world().sum(torch.tensor([self._images])))
        means = (sums / max(1, images)).tolist()
        names = ["", *(f"{name}_" for name in self._names), *(f"{told_as(name)}_" for name in self._alike)]
        self._images, self._sums = 0, torch.zeros_like(self._sums)
        return {
            f"{part}_{name}{metric}": value
            for name, values in zip(names, means, strict=True)
            for metric, value in zip(("loss", "top1", "top5"), values, strict=True)
            # The loss is the network's, however its exits are put together.
            if metric != "loss" or not name.startswith(told_as(""))
        }


def told_as(exit_weighting: str) -> str:
    """What a history calls the exits, put together by another weighting than the training's own."""
    return f"exits_as_{exit_weighting}"


def _sums(logits: Tensor, labels: Tensor) -> Tensor:
    """Summed cross-entropy, right first answers, and labels among the first five answers."""
    first = logits.topk(min(TOP, logits.shape[1]), dim=1).indices
    right = first == labels[:, None]
    loss = cross_entropy(logits.float(), labels, reduction="sum")
    return torch.stack([loss, right[:, 0].sum(), right.sum()])
