"""A network in a file, ours or an ONNX file that was exported from it, as what classifies images."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from natv2.errors import UserError
from natv2.files import one_line
from natv2.finished_network import Build, Classifier, load_network
from natv2.images.levels import Levels

ONNX = ".onnx"
_NEEDED = ("class_names", "resolution", "levels")  # of an ONNX file's metadata


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """`probabilities` maps one image, uint8 (3, H, W), to those of `class_names`, float32 (classes,).

    `levels` scale images of more than 8 bits; None: it knows none.
    """

    class_names: tuple[str, ...]
    levels: Levels | None
    probabilities: Callable[[Tensor], Tensor]


def open_model(path: Path, build: Build | None = None) -> Model:
    """The model in `path`: a finished network's .safetensors, a folder with one, or an ONNX file of ours.

    `build` makes a network of a person's own. Raises UserError where it is neither, is damaged, or the
    extra `export` is not installed.
    """
    if path.suffix.lower() == ONNX:
        return _of_onnx(path)
    return _of_classifier(load_network(path, build))


def _of_classifier(classifier: Classifier) -> Model:
    @torch.inference_mode()
    def probabilities(image: Tensor) -> Tensor:
        return classifier.probabilities(image[None])[0]

    return Model(
        class_names=classifier.class_names, levels=classifier.header.levels, probabilities=probabilities
    )


def _of_onnx(path: Path) -> Model:
    try:
        import onnxruntime
    except ImportError:
        raise UserError(f"{path} needs onnxruntime: pip install 'natv2[export]'") from None
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is told below
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # whatever a damaged file makes of it
        raise UserError(f"{path} is no ONNX file that onnxruntime can open ({one_line(error)})") from None
    facts = _facts(path, session.get_modelmeta().custom_metadata_map)
    levels = facts["levels"]
    taken = session.get_inputs()[0].name
    if "probabilities" not in [output.name for output in session.get_outputs()]:
        raise UserError(
            f"{path} gives no probabilities: of a network that stops early use the runner beside it"
        )

    def probabilities(image: Tensor) -> Tensor:
        (said,) = session.run(["probabilities"], {taken: image[None].numpy()})
        return torch.from_numpy(said[0])

    return Model(
        class_names=tuple(facts["class_names"]),
        levels=None if levels is None else Levels(levels["black"], levels["white"]),
        probabilities=probabilities,
    )


def _facts(path: Path, metadata: Mapping[str, str]) -> Mapping[str, Any]:
    missing = [name for name in _NEEDED if name not in metadata]
    if missing:
        raise UserError(f"{path} is none of natv2's files: its metadata have no {', '.join(missing)}")
    return {name: json.loads(metadata[name]) for name in _NEEDED}
