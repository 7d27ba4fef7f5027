"""Networks of a search finished by a whole schedule, from their weights or from new ones."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from natv2.exits.weightings import exit_weights
from natv2.images.image_set import ImageSet
from natv2.objectives.metric import METRICS
from natv2.postprocess.config import PostprocessConfig, Start
from natv2.postprocess.extract import Extraction
from natv2.postprocess.methods import PostprocessPlan
from natv2.ranks.side_by_side import side_by_side
from natv2.ranks.together import ranks
from natv2.supernets.classifier import SubnetClassifier
from natv2.training.finishing import Finishing
from natv2.training.state_store import StateStore

logger = logging.getLogger("natv2")


@dataclass(eq=False, kw_only=True)
class WholeSchedule:
    """The trainings of one run: the first network says, on validation images, what all begin with."""

    extraction: Extraction
    finishing: Finishing
    config: PostprocessConfig
    start: Start | None = None

    def prepare(self, plans: Mapping[str, PostprocessPlan], store: StateStore) -> None:
        """Find what all begin with, and ask the teacher, where these are not known yet: all ranks help."""
        if plans and self.start is None:
            name, first = next(iter(plans.items()))
            self.start = self._start(first, store.child(name))
        for part in self._parts if plans else []:
            self.finishing.ask_teacher(self._part(part))

    def finish(self, plan: PostprocessPlan, record: Mapping[str, Any], store: StateStore) -> SubnetClassifier:
        """The network of `plan` after the schedule, its validation accuracy in its record."""
        start = self.start = self.start or self._start(plan, store)
        trained = self._trained(plan, start, store.child(start), "train")
        exits = None
        if plan.way is not None:
            exits = self.extraction.exits_of(trained, plan, self.finishing.evaluation_batch_size)
        validated = exits or self.finishing.validated(trained)
        known = {
            "start": start,
            "teacher": self.finishing.teacher_name,
            "accuracy_after": validated.accuracy,
            "macro_after": validated.macro,
            "epochs": self.config.full.epochs,
        }
        if self.config.refit:
            trained = self._trained(plan, start, store.child("refit"), "train and valid")
        record = {**record, **known}
        finished = self.extraction.classifier(trained.network, plan, record, validated.temperature)
        return finished if exits is None else exits.apply(finished, record)

    def _start(self, plan: PostprocessPlan, store: StateStore) -> Start:
        return self._better_start(plan, store) if self.config.start == "auto" else self.config.start

    def _better_start(self, plan: PostprocessPlan, store: StateStore) -> Start:
        starts: tuple[Start, ...] = ("found", "scratch")
        found = side_by_side(self._accuracy, [(plan, start, store.child(start)) for start in starts])
        accuracies = dict(zip(starts, found, strict=True))
        better = max(starts, key=lambda start: accuracies[start])
        told = ", ".join(f"{start} {100 * accuracy:.2f} %" for start, accuracy in accuracies.items())
        word = METRICS[self.finishing.metric].word
        logger.info(
            "all networks start from weights: %s (validation %s of the first: %s)", better, word, told
        )
        return better

    def _accuracy(self, plan: PostprocessPlan, start: Start, store: StateStore) -> float:
        return self.finishing.validated(self._trained(plan, start, store, "train")).accuracy

    def _trained(self, plan: PostprocessPlan, start: Start, store: StateStore, part: str) -> SubnetClassifier:
        network = self.extraction.network(plan) if start == "found" else self.extraction.new_network(plan)
        classifier = self.extraction.classifier(network, plan, {})
        losses = exit_weights(plan.exit_weighting, len(plan.architecture.exits)).loss
        self.finishing.train(classifier, losses, store, self._part(part))
        return classifier

    @property
    def _parts(self) -> list[str]:
        """What a network is trained on, one after the other."""
        return ["train", *(["train and valid"] if self.config.refit else [])]

    def _part(self, name: str) -> ImageSet:
        images = self.extraction.images
        return images.train if name == "train" else images.train_and_valid()

    def expected_seconds(self, plans: Sequence[PostprocessPlan]) -> float:
        """What all of `plans` will take, from a few timed steps of each."""
        parts, seconds = self._parts, list[float]()
        for plan in plans:
            classifier = self.extraction.classifier(self.extraction.network(plan), plan, {})
            each = [self.finishing.expected_seconds(classifier, self._part(part)) for part in parts]
            seconds.append(sum(each))
        if self.config.start == "auto" and seconds:
            seconds.append(self.finishing.expected_seconds(classifier, self._part("train")))
        seconds += [self.finishing.teaching_seconds(self._part(part)) for part in parts]
        return sum(seconds) / max(1, min(ranks(), len(plans)))
