"""A supernet's weights with what is needed to build it again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from natv2.errors import UserError
from natv2.files import read_header, read_tensors, write_tensors
from natv2.spaces.design import Design
from natv2.supernets.supernet import Supernet

KIND = "supernet"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Weights of a supernet at one width, and where in its training they come from.

    `classes` are the names of its outputs; `origin` is free for what made it (data set,
    parameters, versions). `path` is the file it was read from: saving it again then links that
    file instead of writing a copy.
    """

    design: Design
    width: float
    classes: tuple[str, ...]
    phase: str
    weights: Mapping[str, Tensor]
    origin: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None

    @classmethod
    def of(
        cls, supernet: Supernet, *, classes: tuple[str, ...], phase: str, origin: Mapping[str, Any]
    ) -> "Checkpoint":
        """A copy of the weights of `supernet`."""
        return cls(
            design=supernet.design,
            width=supernet.width,
            classes=classes,
            phase=phase,
            weights={name: weight.detach().clone() for name, weight in supernet.named_parameters()},
            origin=origin,
        )

    def supernet(self, *, dropout: float = 0.0) -> Supernet:
        """A supernet with these weights. Raises UserError where they do not fit its design."""
        result = Supernet(self.design, self.width, len(self.classes), dropout=dropout)
        expected = {name: weight.shape for name, weight in result.named_parameters()}
        found = {name: weight.shape for name, weight in self.weights.items()}
        if expected != found:
            wrong = sorted(n for n in expected.keys() | found.keys() if expected.get(n) != found.get(n))
            where = f" in {self.path}" if self.path else ""
            raise UserError(
                f"the weights{where} do not fit {self.design.label} at width {self.width}: {wrong[0]}"
            )
        result.load_state_dict(dict(self.weights), strict=False)
        return result.to(memory_format=torch.channels_last)


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write `checkpoint` to `path`, atomically."""
    header = {
        "kind": KIND,
        "design": checkpoint.design.to_dict(),
        "width": checkpoint.width,
        "classes": list(checkpoint.classes),
        "phase": checkpoint.phase,
        "origin": dict(checkpoint.origin),
    }
    write_tensors(path, checkpoint.weights, header)


def read_checkpoint_header(path: Path) -> dict[str, Any]:
    """What the file at `path` says beside its weights. Raises UserError where it holds no supernet."""
    header = read_header(path)
    if header.get("kind") != KIND:
        raise UserError(f"{path} holds a {header.get('kind', 'nameless thing')}, not a {KIND}")
    return header


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in `path`. Raises UserError where there is none or it is damaged."""
    read_checkpoint_header(path)
    weights, header = read_tensors(path)
    return Checkpoint(
        design=Design.from_dict(header["design"]),
        width=header["width"],
        classes=tuple(header["classes"]),
        phase=header["phase"],
        weights=weights,
        origin=header["origin"],
        path=path,
    )
