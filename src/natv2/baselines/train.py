"""Networks beside those of a search, trained as these are finished, without and with the same teacher."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pandas as pd

from natv2.baselines.plain import NORM_MOMENTUM, PlainClassifier, PlainHeader, untaught
from natv2.baselines.pretrained import KIND, fine_tuning, take_weights
from natv2.baselines.weights_files import WeightsFile
from natv2.config import digest
from natv2.finished_network import Build, Classifier, StoredNetwork, StoredNetworks
from natv2.nn.layers import initialise
from natv2.objectives.metric import said
from natv2.own_network import code_digest
from natv2.randomness import derived_seed, torch_generator
from natv2.ranks.side_by_side import side_by_side
from natv2.ranks.together import ranks
from natv2.spaces.architecture import architecture_of
from natv2.spaces.design import Design
from natv2.supernets.classifier import SubnetClassifier, SubnetHeader
from natv2.supernets.network import Network
from natv2.training.finishing import Finishing
from natv2.training.soft_labels import FinishingTeacher
from natv2.training.state_store import State, StateStore

logger = logging.getLogger("natv2")

_BUILT = ("plain", KIND)
"""Kinds of networks that are built by their names, not by an architecture of the search's space."""

ChooseTeacher = Callable[[Mapping[str, Classifier]], FinishingTeacher | None]
"""The teacher, given the plain networks that were trained without one."""


@dataclass(frozen=True, kw_only=True)
class BaselineTraining:
    """What trains them: the recipe of finishing, and whether once more with the validation images.

    `builds` are functions of a person's own by their names. `pretrained` are the weights, by their networks,
    that those of this kind begin with, at `pretrained_lr` times the rate. `kept` has what other searches on
    the same images have trained; `store` is this run's.
    """

    finishing: Finishing
    design: Design
    dropout: float
    refit: bool
    builds: Mapping[str, Build]
    kept: StateStore
    store: StateStore
    pretrained: Mapping[str, WeightsFile] = field(default_factory=dict)
    pretrained_lr: float = 1.0

    def train(self, plan: pd.DataFrame, choose_teacher: ChooseTeacher) -> StoredNetworks:
        """Every network of `plan`, and those with a teacher once more, as NAME_taught."""
        rows = [{str(n): v for n, v in row.items()} for row in plan.to_dict("records")]
        self._say_how_long(rows)
        alone = self._all([(row, row["name"], self._alone(row)) for row in rows])
        taught = replace(self.finishing, teacher=choose_teacher(untaught(alone, self.builds)))
        if taught.teacher_name == "none":
            return alone
        jobs = [(row, f"{row['name']}_taught", taught) for row in rows if row["taught"]]
        if any(not self._is_known(*job) for job in jobs):
            taught.ask_teacher()
        return alone | self._all(jobs)

    def _all(self, jobs: Sequence[tuple[Mapping[str, Any], str, Finishing]]) -> dict[str, StoredNetwork]:
        """The networks of `jobs` by their names; the heaviest come first, so that ranks end together."""
        order = sorted(jobs, key=lambda job: -job[0]["macs"])
        found = dict(zip([job[1] for job in order], side_by_side(self._known_or_trained, order), strict=True))
        return {name: found[name] for _, name, _ in jobs}

    def _is_known(self, row: Mapping[str, Any], name: str, finishing: Finishing) -> bool:
        return self.kept.holds(self._key(row, name, finishing))

    def _alone(self, row: Mapping[str, Any]) -> Finishing:
        """What `row` is trained by without a teacher."""
        file = self._weights(row)
        return self.finishing if file is None else fine_tuning(self.finishing, file, self.pretrained_lr)

    def _weights(self, row: Mapping[str, Any]) -> WeightsFile | None:
        """The published weights that `row` comes from, None where it begins anew."""
        return self.pretrained[str(row["network"])] if row["kind"] == KIND else None

    def _known_or_trained(self, row: Mapping[str, Any], name: str, finishing: Finishing) -> StoredNetwork:
        key = self._key(row, name, finishing)
        state = self.kept.load(key)
        if state is not None:
            logger.info("%s is known from an earlier run on the same images", name)
            return StoredNetwork(state.tensors, state.values)
        stored = self._trained(row, finishing, self.store.child(name))
        self.kept.save(key, State(tensors=stored.tensors, values=stored.header))
        return stored

    def _key(self, row: Mapping[str, Any], name: str, finishing: Finishing) -> str:
        """What a network is kept as: all that its weights follow from."""
        images, run = finishing.images, finishing.run
        mark = {
            "network": [row["network"], *([NORM_MOMENTUM] if row["kind"] in _BUILT else self._own(row))],
            "code": code_digest(str(row["network"])),
            "images": [images.name, *images.class_names, images.report and images.report.fingerprint],
            "normalised": [images.mean, images.std],
            "run": [run.seed, run.precision, finishing.resolution, self.refit],
            "teacher": finishing.teacher and finishing.teacher.mark,
            **said(finishing.metric),  # what its record says of validation images is by it
        }
        if (file := self._weights(row)) is not None:
            mark["weights"] = file.sha256
        return f"{name[:40]}_{digest(mark, finishing.config)}"

    def _say_how_long(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Log what training those that are not known will take, from a few timed steps of each."""
        new = [row for row in rows if not self._is_known(row, row["name"], self._alone(row))]
        times = (2 if self.refit else 1) * self.finishing.config.epochs
        each = (self._alone(row).expected_seconds(self._new(row)) * (1 + row["taught"]) for row in new)
        seconds = sum(each) / max(1, min(ranks(), len(new)))
        if new:
            logger.info(
                "training %d networks beside, %d epochs each, some once more with a teacher: about %s",
                *(len(new), times, timedelta(seconds=round(seconds * (2 if self.refit else 1)))),
            )

    def _own(self, row: Mapping[str, Any]) -> list[Any]:
        """What tells a network of the search's space from others, of other designs too."""
        return [architecture_of(row).to_dict(), self.design.to_dict(), self.dropout]

    def _trained(self, row: Mapping[str, Any], finishing: Finishing, store: StateStore) -> StoredNetwork:
        classifier = self._new(row)
        finishing.train(classifier, (1.0,), store.child("train"))
        validated = finishing.validated(classifier)
        record = {
            "kind": row["kind"],
            "dataset": finishing.images.name,
            **said(finishing.metric),
            "teacher": finishing.teacher_name,
            "valid_accuracy": validated.accuracy,
            "epochs": finishing.config.epochs,
        }
        if (file := self._weights(row)) is not None:
            record["weights"] = f"{file.path.name}, SHA-256 {file.sha256}"
        if self.refit:
            classifier = self._new(row)
            finishing.train(classifier, (1.0,), store.child("refit"), finishing.images.train_and_valid())
        classifier.header = replace(classifier.header, record=record, temperature=validated.temperature)
        return classifier.stored()

    def _new(self, row: Mapping[str, Any]) -> Classifier:
        """The network of `row` with published weights, or new ones, drawn for the run's seed and its name."""
        finishing = self._alone(row)
        images, seed = finishing.images, finishing.run.seed
        known: dict[str, Any] = {"class_names": images.class_names, "mean": images.mean, "std": images.std}
        known["levels"] = images.levels
        if row["kind"] in _BUILT:
            name = str(row["network"])
            header = PlainHeader(network=name, resolution=finishing.resolution, **known)
            plain = PlainClassifier.new(header, derived_seed(seed, "weights", name), self.builds.get(name))
            if (file := self._weights(row)) is not None:
                take_weights(plain.network, file)
            return plain.to(finishing.run.device)
        architecture = architecture_of(row)
        network = Network(self.design, architecture, len(images.class_names), self.dropout)
        initialise(network, torch_generator(seed, "new weights", json.dumps(architecture.to_dict())))
        own = SubnetHeader(design=self.design, architecture=architecture, **known)
        return SubnetClassifier(network, own).to(finishing.run.device)
