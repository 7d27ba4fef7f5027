"""A network in a file, ours or ONNX files that were exported from it, as what classifies images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from natv2.errors import UserError
from natv2.exits.early_classifier import EarlyClassifier
from natv2.finished_network import Build, Classifier, load_network
from natv2.images.levels import Levels
from natv2.images.transforms import prepare
from natv2.predict.early import THRESHOLD, open_stages
from natv2.predict.onnx_files import ONNX, OnnxFile, open_onnx_file

_RUNNER = ".py"


class Answers(NamedTuple):
    """The `probabilities` (N, classes) of images, and the `exits` (N,), from 1, that they left at."""

    probabilities: Tensor
    exits: Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """`answers` takes images, uint8 (N, 3, H, W).

    `levels` scale images of more than 8 bits; None: it knows none. `record` says how it came about. `exits`
    is how many places there are where images leave, 1 where they leave at none but the end.
    """

    class_names: tuple[str, ...]
    levels: Levels | None
    answers: Callable[[Tensor], Answers]
    record: Mapping[str, Any]
    exits: int = 1


def open_model(path: Path, build: Build | None = None) -> Model:
    """The model in `path`: a finished network's .safetensors, a folder with one, or an ONNX file of ours.

    Of a network that stops early any of its ONNX stages will do, or their runner. `build` makes a network of
    a person's own. Raises UserError where it is none of these, is damaged, or the extra `export` is not
    installed.
    """
    if path.suffix.lower() == _RUNNER:
        return _of_stages(path)
    if path.suffix.lower() == ONNX:
        file = open_onnx_file(path)
        return _of_stages(path) if THRESHOLD in file.metadata else _of_onnx(file)
    return _of_classifier(load_network(path, build))


def _of_classifier(classifier: Classifier) -> Model:
    header, exits = classifier.header, 1
    decide = _all_at_once(classifier)
    if isinstance(classifier, EarlyClassifier) and classifier.stops:
        decide, exits = classifier.decide, len(classifier.stopping().thresholds)

    @torch.inference_mode()
    def answers(images: Tensor) -> Answers:
        logits, left = decide(prepare(images, classifier.resolution, header.mean, header.std))
        return Answers((logits / header.temperature).softmax(dim=1), left)

    return Model(
        class_names=classifier.class_names,
        levels=header.levels,
        answers=answers,
        record=header.record,
        exits=exits,
    )


def _all_at_once(classifier: Classifier) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    return lambda x: (classifier.logits(x), torch.ones(len(x), dtype=torch.long))


def _of_onnx(file: OnnxFile) -> Model:
    if "probabilities" not in file.gives:
        raise UserError(f"{file.path} is none of natv2's files: it gives no probabilities")

    def answers(images: Tensor) -> Answers:
        (said,) = file.run(images.numpy(), "probabilities")
        return Answers(torch.from_numpy(said), torch.ones(len(said), dtype=torch.long))

    return _model(file, answers, 1)


def _of_stages(path: Path) -> Model:
    early = open_stages(path)
    first = early.stages[0]

    def answers(images: Tensor) -> Answers:
        logits, left = early(images)
        return Answers((logits / first.facts["temperature"]).softmax(dim=1), left)

    return _model(first, answers, len(early.stages))


def _model(file: OnnxFile, answers: Callable[[Tensor], Answers], exits: int) -> Model:
    levels = file.facts["levels"]
    return Model(
        class_names=tuple(file.facts["class_names"]),
        levels=None if levels is None else Levels(levels["black"], levels["white"]),
        answers=answers,
        record=file.facts["record"],
        exits=exits,
    )
