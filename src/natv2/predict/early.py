"""A network that stops early, as ONNX files: an image goes through its stages until an exit is sure of it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from natv2.errors import UserError
from natv2.export.stage_files import stages_of_file
from natv2.predict.onnx_files import ONNX, OnnxFile, open_onnx_file

THRESHOLD = "threshold"
"""What metadata have of a stage, and of no whole network."""

_OWN = ("exit", "exits", "weight", THRESHOLD)


@dataclass(frozen=True, kw_only=True, eq=False)
class EarlyStages:
    """`stages` with the `weights` of their exits, and the `thresholds` from which on images leave there."""

    stages: Sequence[OnnxFile]
    weights: Sequence[float]
    thresholds: Sequence[float]

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map images, uint8 (N, 3, H, W), to logits (N, classes) and the exits (N,), from 1, they left at.

        A stage gets those images alone that are still there.
        """
        x = images.numpy()
        logits = np.zeros((len(x), len(self.stages[0].facts["class_names"])), np.float32)
        exits, staying = np.zeros(len(x), np.int64), np.arange(len(x))
        total, weight = np.zeros(1, np.float32), 0.0
        for number, (stage, own) in enumerate(zip(self.stages, self.weights, strict=True), start=1):
            said, *features = stage.run(x)
            total, weight = total + np.float32(own) * said, weight + own
            mean = total / np.float32(weight)
            logits[staying], exits[staying] = mean, number
            surest = torch.from_numpy(mean).softmax(dim=1).amax(dim=1).numpy()
            unsure = surest < self.thresholds[number - 1]
            if not features or not unsure.any():
                break
            staying, total, x = staying[unsure], total[unsure], features[0][unsure]
        return torch.from_numpy(logits), torch.from_numpy(exits)


def open_stages(path: Path) -> EarlyStages:
    """The stages of which `path` is one, or the runner beside them: which is read by its name alone.

    Raises UserError where one is not there, is damaged, or is of another network.
    """
    files = stages_of_file(path)
    if not files:
        raise UserError(f"{path} belongs to no stages: the first one's file has to be beside it")
    if files[0].suffix.lower() != ONNX:
        raise UserError(
            f"{path} goes through .pt2 files, which may hold a pickle and are not loaded here; "
            "give the network's .safetensors file or its ONNX stages"
        )
    stages = [open_onnx_file(file) for file in files]
    own = [_own(stage) for stage in stages]
    count = own[0]["exits"]
    if len(stages) != count:
        raise UserError(f"{files[0]} is the first of {count} stages, of which {len(stages)} are beside it")
    for number, (stage, notes) in enumerate(zip(stages, own, strict=True), start=1):
        told = (notes["exit"], notes["exits"], stage.facts)
        if told != (number, count, stages[0].facts):
            raise UserError(f"{stage.path} is of another network than {files[0]}")
    return EarlyStages(
        stages=stages,
        weights=[float(notes["weight"]) for notes in own],
        thresholds=[float(notes[THRESHOLD]) for notes in own],
    )


def _own(stage: OnnxFile) -> Mapping[str, Any]:
    """What the metadata of `stage` say of its exit: numbers, all of them finite."""
    try:
        found = {name: json.loads(stage.metadata[name]) for name in _OWN}
    except (KeyError, json.JSONDecodeError):
        found = {}
    numbers = [value for value in found.values() if isinstance(value, int | float) and math.isfinite(value)]
    if len(numbers) < len(_OWN) or found["weight"] <= 0:
        raise UserError(
            f"{stage.path} is no stage that natv2 exported: its metadata do not say of which exit"
        )
    return found


def left_text(exits: Sequence[int], count: int) -> str:
    """Which share of the images left at each of `count` exits, in one line."""
    shares = [exits.count(exit) / len(exits) for exit in range(1, count + 1)]
    told = ", ".join(f"{100 * share:.1f} %" for share in shares)
    return f"of {len(exits)} images left at each of its {count} exits, the first to the last: {told}"
