"""Whom finished networks learn from: the supernet, a plain network, a file, or a person's own classifier."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from natv2.errors import UserError
from natv2.finished_network import Classifier, load_network
from natv2.images.datasets import Channels
from natv2.images.image_set import ImageSplits
from natv2.objectives.metric import METRICS
from natv2.own_network import code_digest, imported, own_network, said
from natv2.training.finishing import Finishing
from natv2.training.soft_labels import FinishingTeacher, teacher_mark

logger = logging.getLogger("natv2")


def choose_teacher(
    name: str, finishing: Finishing, plain: Mapping[str, Classifier], supernet: Callable[[], Classifier]
) -> FinishingTeacher | None:
    """The teacher that `name` asks for; None where there is none.

    `plain` are networks that were trained without one, `supernet` gives the largest network of the wide one.
    `auto` is the better of these two on validation images. Raises UserError where what is asked for is not
    there, does not load, or has not an output for each class.
    """
    images, device = finishing.images, finishing.run.device
    if name == "none":
        return None
    if ":" in name:
        return _own(name, finishing)
    if name.endswith(".safetensors"):
        return FinishingTeacher.of(_from_file(Path(name), images), name, device)
    candidates: dict[str, Callable[[], Classifier]] = {}
    if plain and name in ("auto", "plain"):
        best = max(plain, key=lambda each: plain[each].header.record["valid_accuracy"])
        candidates[best] = lambda: plain[best]
    if name in ("auto", "supernet"):
        candidates["supernet"] = supernet
    if not candidates:
        raise UserError(
            "postprocess.teacher=plain: `baselines` has trained no plain network; "
            "allowed are auto, none, supernet, a finished network's file, or package.module:function"
        )
    made = {each: make().to(device) for each, make in candidates.items()}
    # A plain network's is on record: it may have been trained once more on the validation images since.
    known = {each: classifier.header.record["valid_accuracy"] for each, classifier in plain.items()}
    accuracies = {
        each: known[each] if each in known else finishing.validated(classifier).accuracy
        for each, classifier in made.items()
    }
    chosen = max(accuracies, key=lambda each: accuracies[each])
    told = ", ".join(f"{each} {100 * accuracy:.2f} %" for each, accuracy in accuracies.items())
    word = METRICS[finishing.metric].word
    logger.info("teacher: %s (validation %s: %s)", chosen, word, told)
    return FinishingTeacher.of(made[chosen], chosen, device)


def _from_file(path: Path, images: ImageSplits) -> Classifier:
    classifier = load_network(path)
    if classifier.class_names != images.class_names:
        raise UserError(
            f"postprocess.teacher={path}: it knows {len(classifier.class_names)} classes "
            f"({', '.join(classifier.class_names[:3])}, ...), the images have {len(images.class_names)} "
            f"({', '.join(images.class_names[:3])}, ...); these must be the same, in the same order"
        )
    return classifier


def _own(name: str, finishing: Finishing) -> FinishingTeacher:
    """A person's own classifier, with its attributes `resolution`, `mean` and `std`, or as the images are."""
    images, device = finishing.images, finishing.run.device
    what, classes = "postprocess.teacher", len(images.class_names)
    network = own_network(name, imported(name, what), classes, what).eval().requires_grad_(False).to(device)
    try:
        resolution = int(getattr(network, "resolution", finishing.resolution))
        mean, std = _channels(network, "mean", images.mean), _channels(network, "std", images.std)
    except (TypeError, ValueError) as error:
        needed = "its resolution must be a number of pixels, its mean and std three numbers each"
        raise UserError(f"{what} {name!r}: {said(error)}; {needed}") from error
    x = torch.zeros(1, 3, resolution, resolution, device=device)
    try:
        logits = network(x)
    except Exception as error:  # whatever a person's module does
        raise UserError(f"{what} {name!r}: {said(error)}, for an image of {resolution} px") from error
    if not isinstance(logits, Tensor) or logits.shape != (1, classes):
        found = f"outputs {tuple(logits.shape[1:])}" if isinstance(logits, Tensor) else type(logits).__name__
        raise UserError(
            f"{what} {name!r} gives {found} for an image; one for each class is needed, {classes}"
        )
    return FinishingTeacher(
        name=name,
        mark=teacher_mark(network, resolution, mean, std, code_digest(name)),
        logits=network,
        resolution=resolution,
        mean=mean,
        std=std,
    )


def _channels(network: nn.Module, name: str, default: Channels) -> Channels:
    red, green, blue = (float(each) for each in getattr(network, name, default))
    return red, green, blue
