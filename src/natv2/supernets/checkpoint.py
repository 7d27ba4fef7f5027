"""A supernet's weights with what is needed to build it again."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass as checked_dataclass
from torch import Tensor

from natv2.errors import UserError
from natv2.files import misfit, one_line, parsed, read_header, read_tensors, write_tensors
from natv2.finished_network import HEADER, ClassNames, Pixel
from natv2.images.image_set import ImageSplits
from natv2.spaces.design import EXITS, WIDEST, Design, spelled_out
from natv2.spaces.space import SearchSpace
from natv2.supernets.network import Network
from natv2.supernets.supernet import Supernet, parts_of

KIND: Literal["supernet"] = "supernet"


@checked_dataclass(frozen=True, kw_only=True, config=HEADER)
class Normalisation:
    """Mean and deviation of each channel, pixels in 0..1."""

    mean: tuple[Pixel, Pixel, Pixel]
    std: tuple[Pixel, Pixel, Pixel]


@checked_dataclass(frozen=True, kw_only=True, config=HEADER)
class CheckpointHeader:
    """What a supernet's file says beside its weights; the fields are those of `Checkpoint`."""

    kind: Literal["supernet"]
    design: Design
    width: Annotated[float, Field(gt=0, le=WIDEST)]
    classes: ClassNames
    phase: str
    origin: Mapping[str, Any]
    normalisation: Normalisation | None = None
    new_exits: tuple[Annotated[int, Field(ge=EXITS[0], le=EXITS[-1])], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Weights of a supernet at one width, and where in its training they come from.

    `classes` are the names of its outputs; `origin` is free for what made it (data set,
    parameters, versions). `path` is the file it was read from: saving it again then links that
    file instead of writing a copy. `normalisation` goes with weights that were trained elsewhere (None:
    each set of images has its own). The heads of `new_exits` have never been trained.
    """

    design: Design
    width: float
    classes: tuple[str, ...]
    phase: str
    weights: Mapping[str, Tensor]
    origin: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None
    normalisation: Normalisation | None = None
    new_exits: tuple[int, ...] = ()

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

    def normalised(self, images: ImageSplits) -> ImageSplits:
        """`images` with the mean and deviation that these weights were trained with, where they have any."""
        if self.normalisation is None:
            return images
        return replace(images, mean=self.normalisation.mean, std=self.normalisation.std)

    def supernet(self, *, dropout: float = 0.0) -> Supernet:
        """A supernet with these weights. Raises UserError where they do not fit its design."""
        # On the meta device first: a header alone makes nobody take more memory than its file has.
        space = SearchSpace(design=self.design, resolutions=(1,), widths=(self.width,))
        parts = parts_of(self.design, self.width, len(self.classes), dropout)
        largest = Network(
            self.design, space.largest(exits=self.design.exits), len(self.classes), dropout, parts
        )
        self._refuse_misfit(dict(largest.named_parameters(prefix="network")), of_network=True)
        result = Supernet(self.design, self.width, len(self.classes), dropout=dropout)
        self._refuse_misfit(dict(result.named_parameters()))
        result.load_state_dict(dict(self.weights), strict=False)
        return result.to(memory_format=torch.channels_last)

    def _refuse_misfit(self, expected: Mapping[str, Tensor], *, of_network: bool = False) -> None:
        found = {n: w for n, w in self.weights.items() if n.startswith("network.") or not of_network}
        wrong = misfit(expected, found)
        if wrong is not None:
            where = f" in {self.path}" if self.path else ""
            raise UserError(
                f"the weights{where} do not fit {self.design.label} at width {self.width}: {wrong}"
            )


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write `checkpoint` to `path`, atomically."""
    header = CheckpointHeader(
        kind=KIND,
        design=checkpoint.design,
        width=checkpoint.width,
        classes=checkpoint.classes,
        phase=checkpoint.phase,
        origin=checkpoint.origin,
        normalisation=checkpoint.normalisation,
        new_exits=checkpoint.new_exits,
    )
    # What a supernet has not is left out: earlier versions read its file too.
    optional = ("normalisation", "new_exits")
    told = {name: value for name, value in asdict(header).items() if value or name not in optional}
    write_tensors(path, checkpoint.weights, told)


def read_checkpoint_header(path: Path) -> dict[str, Any]:
    """What the file at `path` says beside its weights, which are not looked at.

    Raises UserError where it holds no supernet.
    """
    return asdict(_checked(path, read_header(path)))


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in `path`. Raises UserError where there is none or it is damaged."""
    weights, values = read_tensors(path)
    header = _checked(path, values)
    return Checkpoint(
        design=header.design,
        width=header.width,
        classes=header.classes,
        phase=header.phase,
        weights=weights,
        origin=header.origin,
        path=path,
        normalisation=header.normalisation,
        new_exits=header.new_exits,
    )


def _checked(path: Path, header: Mapping[str, Any]) -> CheckpointHeader:
    if header.get("kind") != KIND:
        raise UserError(f"{path} holds a {one_line(header.get('kind', 'nameless thing'))}, not a {KIND}")
    try:
        return parsed(CheckpointHeader, {**header, "design": spelled_out(header.get("design"))})
    except UserError as error:
        raise UserError(f"{path}: {error.message}") from None
