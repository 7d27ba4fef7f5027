"""A supernet's weights with what is needed to build it again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from natv2.errors import UserError
from natv2.files import read_tensors, write_tensors

KIND = "supernet"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Weights of a supernet at one width, and where in its training they come from.

    `classes` are the names of its outputs; `origin` is free for what made it (data set,
    parameters, versions). `path` is the file it was read from: saving it again then links that
    file instead of writing a copy.
    """

    design: str
    width: float
    classes: tuple[str, ...]
    phase: str
    weights: Mapping[str, Tensor]
    origin: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write `checkpoint` to `path`, atomically."""
    header = {
        "kind": KIND,
        "design": checkpoint.design,
        "width": checkpoint.width,
        "classes": list(checkpoint.classes),
        "phase": checkpoint.phase,
        "origin": dict(checkpoint.origin),
    }
    write_tensors(path, checkpoint.weights, header)


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in `path`. Raises UserError where there is none or it is damaged."""
    weights, header = read_tensors(path)
    if header.get("kind") != KIND:
        raise UserError(f"{path} holds a {header.get('kind', 'nameless thing')}, not a {KIND}")
    return Checkpoint(
        design=header["design"],
        width=header["width"],
        classes=tuple(header["classes"]),
        phase=header["phase"],
        weights=weights,
        origin=header["origin"],
        path=path,
    )
