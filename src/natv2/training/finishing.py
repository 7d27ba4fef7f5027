"""A whole schedule for a network that is handed over, ours or a plain one, with or without a teacher."""

import copy
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from natv2.config import digest
from natv2.exits.ensembles import ensemble
from natv2.finished_network import Classifier
from natv2.images.batches import Batch, Epochs, calibration_batches
from natv2.images.config import CalibrationConfig
from natv2.images.image_set import ImageSet, ImageSplits
from natv2.objectives.metric import Metric
from natv2.randomness import process_generator
from natv2.ranks.side_by_side import side_by_side
from natv2.ranks.together import ranks
from natv2.ranks.world import apart
from natv2.run import Run
from natv2.training.averaging import Averaged
from natv2.training.config import FullConfig
from natv2.training.evaluation import Validated, validated
from natv2.training.loop import Step, backward, fit
from natv2.training.mixing import Mixing
from natv2.training.soft_labels import FinishingTeacher, SoftLabels, distilled_loss
from natv2.training.state_store import StateStore
from natv2.training.timing import step_time

_TIMED_STEPS, _TIMED_S = 10, 5.0
_CALIBRATION = 2000  # images, of batch norms behind a moving average
PURPOSE = "finishing"
"""What all these trainings draw for: they see the same batches, so a teacher is asked once for all."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Finishing:
    """What networks that are compared are all finished by: images, schedule, run, and who teaches them.

    `resolution` is that of networks which have none of their own. What the teacher says is kept in `labels`.
    Accuracies on validation images are by `metric`.
    """

    images: ImageSplits
    config: FullConfig
    run: Run
    resolution: int
    evaluation_batch_size: int
    labels: StateStore
    teacher: FinishingTeacher | None = None
    metric: Metric = "top1"

    @property
    def teacher_name(self) -> str:
        """What records call the teacher."""
        return "none" if self._teacher is None else self._teacher.name

    @property
    def _teacher(self) -> FinishingTeacher | None:
        return self.teacher if self.config.kd_weight > 0 else None

    def train(
        self, classifier: Classifier, losses: Sequence[float], store: StateStore, part: ImageSet | None = None
    ) -> None:
        """Train the network of `classifier` in place, on the training images or on another `part`.

        Its exits' losses count `losses`; it ends with the average of its weights where there is one, in
        evaluation mode. Raises UserError as `fit` does.
        """
        network, config = classifier.network, self.config
        module = network if config.average is None else Averaged(network, config.average)
        fit(
            module,
            self.step(classifier, losses, self._part(part)),
            self.epochs(part),
            optimiser=config,
            schedule=config.schedule,
            precision=self.run.precision,
            store=store,
        )
        if isinstance(module, Averaged):
            with process_generator(self.run.seed):  # of dropout
                module.take_average(self._calibration(classifier))
        network.eval()

    def epochs(self, part: ImageSet | None = None) -> Epochs:
        """The epochs of the training images, or of another `part`: the same for every network."""
        balanced = self.config.class_balance == "sampling"
        part = self._part(part)
        return Epochs(self.images, part, self.config.batch_size, self.run.seed, PURPOSE, balanced)

    def step(self, classifier: Classifier, losses: Sequence[float], part: ImageSet) -> Step:
        """What is done with a batch of `part`."""
        network, config, taught = classifier.network, self.config, self.soft_labels(part)
        mixing = Mixing(mixup=config.mixup, cutmix=config.cutmix)
        weights = None
        if config.class_balance == "weights":
            weights = class_weights(part.labels, len(self.images.class_names)).to(self.images.device)
        last = self.epochs(part).steps - 1

        def labelled(logits: Sequence[Tensor], labels: Tensor) -> Tensor:
            smoothing = config.label_smoothing
            each = [cross_entropy(one, labels, weights, label_smoothing=smoothing) for one in logits]
            return ensemble(each, losses)

        def step(batch: Batch, epoch: int, index: int) -> Tensor:
            network.train()
            mix = mixing.draw(len(batch), self.run.seed, PURPOSE, epoch, index)
            x = classifier.prepared(batch)
            logits = exit_logits(network, x if mix is None else mix.images(x))
            loss = labelled(logits, batch.labels)
            if mix is not None:
                loss = mix.loss(loss, labelled(logits, batch.labels[mix.partners]))
            if taught is not None:
                known = taught.logits(batch, mix, epoch, index)
                soft = [distilled_loss(one, known, config.temperature) for one in logits]
                loss = loss + config.kd_weight * ensemble(soft, losses)
                if index == last:
                    taught.end(epoch)
            return backward(loss)

        return step

    def ask_teacher(self, part: ImageSet | None = None) -> None:
        """Let ranks ask the teacher an epoch each, before networks that are trained side by side do it each.

        Nothing is asked where nobody teaches, or one rank is alone.
        """
        taught = self.soft_labels(self._part(part))
        if taught is not None and ranks() > 1:
            epochs = [epoch for epoch in range(self.config.epochs) if not taught.holds(epoch)]
            side_by_side(_ask, [(self, part, epoch) for epoch in epochs])

    def soft_labels(self, part: ImageSet) -> SoftLabels | None:
        """What the teacher says of the epochs of `part`; each teacher and kind of epochs has its own place.

        None where nobody teaches.
        """
        if self._teacher is None:
            return None
        config, report = self.config, self.images.report
        drawn = (config.batch_size, config.mixup, config.cutmix, config.class_balance, self.run.seed)
        images = (self.images.name, "" if report is None else report.fingerprint, part.ids.tolist())
        return SoftLabels(self._teacher, self.labels.child(digest(self._teacher.mark, drawn, images)))

    def expected_seconds(self, classifier: Classifier, part: ImageSet | None = None) -> float:
        """What one rank needs to train it without a teacher, from a few timed steps of a copy."""
        copied = copy.deepcopy(classifier)
        epochs, alone = self.epochs(part), replace(self, teacher=None)
        step = alone.step(copied, (1.0,) * len(classifier.header.weights), epochs.part)
        with apart():
            each = step_time(
                copied.network,
                step,
                epochs,
                optimiser=self.config,
                precision=self.run.precision,
                steps=_TIMED_STEPS,
                seconds=_TIMED_S,
            )
        return each.seconds * epochs.steps * self.config.epochs

    def teaching_seconds(self, part: ImageSet | None = None) -> float:
        """What a rank needs to ask the teacher once for every step, from a batch; 0 where nobody teaches."""
        if self._teacher is None:
            return 0.0
        epochs = self.epochs(part)
        batch = next(iter(epochs(0)))
        start = time.perf_counter()
        with torch.no_grad():
            self._teacher.answer(batch).sum().item()
        return (time.perf_counter() - start) * epochs.steps * self.config.epochs

    def validated(self, classifier: Classifier) -> Validated:
        """Its accuracy on the validation images, and its temperature."""
        return validated(classifier, self.images, self.evaluation_batch_size, self.metric)

    def _calibration(self, classifier: Classifier) -> Iterator[Tensor]:
        """Whole training images for batch norms, as `classifier` takes them."""
        config = CalibrationConfig(images=_CALIBRATION, batch_size=self.config.batch_size)
        for batch in calibration_batches(self.images, config, self.run.seed):
            yield classifier.prepared(batch)

    def _part(self, part: ImageSet | None) -> ImageSet:
        return self.images.train if part is None else part


def _ask(finishing: Finishing, part: ImageSet | None, epoch: int) -> None:
    """Let the teacher say what it has to say of an epoch, and keep it."""
    epochs = finishing.epochs(part)
    taught = finishing.soft_labels(epochs.part)
    mixing = Mixing(mixup=finishing.config.mixup, cutmix=finishing.config.cutmix)
    assert taught is not None
    for index, batch in enumerate(epochs(epoch)):
        taught.logits(batch, mixing.draw(len(batch), epochs.seed, PURPOSE, epoch, index), epoch, index)
    taught.end(epoch)


def exit_logits(network: nn.Module, x: Tensor) -> tuple[Tensor, ...]:
    """Logits of each exit of `network`, also of one that has a single tensor to give."""
    logits = network(x)
    return logits if isinstance(logits, tuple) else (logits,)


def class_weights(labels: Tensor, classes: int) -> Tensor:
    """What each class counts in the loss, float32 (classes,): inversely as its images, 1 on their average.

    A class without images counts nothing.
    """
    counts = torch.bincount(labels.cpu(), minlength=classes).float()
    present = int((counts > 0).sum())
    return torch.where(counts > 0, len(labels) / (present * counts.clamp(min=1)), 0.0)
