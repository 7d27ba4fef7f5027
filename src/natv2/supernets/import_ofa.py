"""OFA's published MobileNetV3 supernets as our checkpoints: read, recognised, refused by name, mapped."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha1
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from natv2.errors import UserError
from natv2.files import misfit, one_line
from natv2.spaces.design import INVERTED_BOTTLENECK, Design
from natv2.spaces.space import SearchSpace
from natv2.supernets.checkpoint import Checkpoint, Normalisation
from natv2.supernets.network import Network
from natv2.supernets.ofa_weights import (
    OFA_DESIGN,
    folded,
    is_matrix,
    other_network,
    published_name,
    statistics_of,
)
from natv2.supernets.published import OFA_IMAGENET, OTHER_BLOBS, PUBLISHED
from natv2.supernets.supernet import Supernet

logger = logging.getLogger("natv2")

SOURCE = PUBLISHED[OFA_IMAGENET]
PHASE = "imported"

_MOST_BYTES = 1 << 30  # of a file: the largest that OFA has published are 193 MB


@dataclass(frozen=True, kw_only=True)
class PublishedSupernet:
    """What one of OFA's files holds: `weights` under our names, running statistics left out.

    `blob` is the SHA-1 that Git gives the file; `known` the name of the published file that has it.
    """

    path: Path
    width: float
    blob: str
    known: str | None
    weights: Mapping[str, Tensor]


def blob_of(content: bytes) -> str:
    """The SHA-1 by which Git knows a file of these bytes."""
    return sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@cache
def imagenet_wnids() -> tuple[str, ...]:
    """ImageNet's 1,000 classes by their numbers in WordNet, in the order of OFA's outputs."""
    return tuple(files("natv2.supernets").joinpath("imagenet_wnids.txt").read_text().split())


def read_pair(paths: Sequence[Path]) -> tuple[PublishedSupernet, ...]:
    """The supernets in two files, which may come in either order, the narrow one first.

    Raises UserError where one of them cannot be used, or both are of one width.
    """
    found = sorted((read_published(path) for path in paths), key=lambda each: each.width)
    if (widths := tuple(each.width for each in found)) != SOURCE.widths:
        missing = next(file for file in SOURCE.files if file.width not in widths)
        raise UserError(
            f"{found[0].path} and {found[-1].path} are both of width {found[0].width}, but a search needs "
            f"both widths; the other one is {missing.name}"
        )
    return tuple(found)


def read_published(path: Path) -> PublishedSupernet:
    """The supernet in one of OFA's files. Raises UserError, in a sentence, where it holds none."""
    content = _content(path)
    blob = blob_of(content)
    if blob in OTHER_BLOBS:
        raise UserError(f"{path} is {OTHER_BLOBS[blob]}: {_needed()}")
    try:
        state = folded(_state(content))
        if (other := other_network(state)) is not None:
            raise UserError(f"it is OFA's {other} supernet: {_needed()}")
        width = _width(state)
        weights = _weights(state, width)
    except UserError as error:
        raise UserError(f"{path} cannot be imported: {error.message}") from None
    known = next((file.name for file in SOURCE.files if file.blob == blob), None)
    return PublishedSupernet(path=path, width=width, blob=blob, known=known, weights=weights)


def as_checkpoint(published: PublishedSupernet, design: Design, seed: int) -> Checkpoint:
    """A supernet of `design` that begins with the weights of `published`; what it has not is new.

    The heads of its other exits are told as `new_exits`. Raises UserError where the elastic values of
    `design` are not those of OFA.
    """
    check_design(design)
    supernet = Supernet(design, published.width, len(imagenet_wnids()), seed=seed)
    with torch.no_grad():
        for name, parameter in supernet.named_parameters():
            if name in published.weights:
                parameter.copy_(published.weights[name])
    origin = {"source": OFA_IMAGENET, "file": published.path.name, "blob": published.blob, "seed": seed}
    made = Checkpoint.of(supernet, classes=imagenet_wnids(), phase=PHASE, origin=origin)
    normalisation = Normalisation(mean=SOURCE.mean, std=SOURCE.std)
    return replace(made, normalisation=normalisation, new_exits=design.exits[:-1])


def say_what_is_new(published: Sequence[PublishedSupernet], design: Design) -> None:
    """Log which files these are, and warn of what their weights were not trained for."""
    for each in published:
        if each.known is not None:
            logger.info("%s is %s as it was published", each.path, each.known)
        else:
            logger.warning(
                "%s is none of the published files by its hash; it is laid out as a supernet of width %g, "
                "and taken",
                *(each.path, each.width),
            )
        if not any(name.startswith("transforms.") for name in each.weights):
            logger.warning(
                "%s has no matrices for smaller kernels, as a static network has none: kernels of 5 and 3 "
                "begin as the centres of those of 7",
                each.path,
            )
    if new := [block for block in design.blocks if block not in OFA_DESIGN.blocks]:
        logger.warning("%s: the blocks %s are new and know nothing yet", design.label, ", ".join(new))
    if design.dense:
        logger.warning(
            "%s: dense skips sum what OFA's weights were trained to keep apart; they need a longer warm-up",
            design.label,
        )
    if new_exits := design.exits[:-1]:
        logger.info(
            "%s: the heads of exits %s are new; the warm-up of a search trains them first "
            "(search.warm_up.heads_epochs)",
            *(design.label, ", ".join(map(str, new_exits))),
        )


def _needed() -> str:
    return f"MobileNetV3's are needed, {' and '.join(file.name for file in SOURCE.files)}"


def _content(path: Path) -> bytes:
    if not path.is_file():  # a named pipe would be waited for
        raise UserError(f"{path} {'is not a file' if path.exists() else 'does not exist'}: {_needed()}")
    if (size := path.stat().st_size) > _MOST_BYTES:
        raise UserError(f"{path} has {size:,} bytes, more than any of OFA's files: {_needed()}")
    return path.read_bytes()


def _state(content: bytes) -> Mapping[str, Tensor]:
    """The state dict in a file of torch's; nothing in it is called."""
    try:
        held: Any = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # of many kinds: pickle's, zip's, torch's
        raise UserError(
            f"it is not a whole file of torch's with weights alone ({_first_line(error)})"
        ) from None
    state = held.get("state_dict", held) if isinstance(held, dict) else held
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in state.items()
    ):
        raise UserError(f"it holds no weights by name: {_needed()}")
    return state


def _width(state: Mapping[str, Tensor]) -> float:
    stems = {_expected(width)["first_conv.conv.weight"].shape[0]: width for width in SOURCE.widths}
    stem = state.get("first_conv.conv.weight")
    if stem is None:
        raise UserError(f"it has no first_conv.conv.weight: {_needed()}")
    if not stem.dim() or stem.shape[0] not in stems:
        channels = stem.shape[0] if stem.dim() else "no"
        known = " or ".join(f"{count} (width {width})" for count, width in stems.items())
        raise UserError(f"its stem has {channels} channels, not {known}: {_needed()}")
    return stems[stem.shape[0]]


def _weights(state: Mapping[str, Tensor], width: float) -> dict[str, Tensor]:
    """The tensors under our names. Raises UserError at the first that is not as it should be."""
    expected = _expected(width)
    if not any(is_matrix(name) for name in state):
        expected = {name: tensor for name, tensor in expected.items() if not is_matrix(name)}
    if (wrong := misfit(expected, state)) is not None:
        raise UserError(f"it is not laid out as OFA's MobileNetV3 supernet of width {width}: {wrong}")
    pairs = ((name, str(published_name(name))) for name, _ in _meta(width))
    return {ours: state[theirs].contiguous() for ours, theirs in pairs if theirs in state}


@cache
def _expected(width: float) -> Mapping[str, Tensor]:
    """The tensors of the published layout by their names, without memory: 475 of them."""
    weights = {str(published_name(name)): tensor for name, tensor in _meta(width)}
    for name, beside in statistics_of(list(weights)).items():
        scalar = name.endswith("num_batches_tracked")
        weights[name] = torch.empty((), dtype=torch.int64, device="meta") if scalar else weights[beside]
    return weights


def _meta(width: float) -> list[tuple[str, Tensor]]:
    """The parameters of our supernet without memory, by their names."""
    space = SearchSpace(design=OFA_DESIGN, resolutions=(1,), widths=(width,))
    network = Network(OFA_DESIGN, space.largest(), len(imagenet_wnids()))
    sizes = [kernel * kernel for kernel in reversed(OFA_DESIGN.kernels[:-1])]
    matrices = [
        (f"transforms.{level}.{step}", torch.empty(size, size, device="meta"))
        for level in range(OFA_DESIGN.levels)
        for step, size in enumerate(sizes)
    ]
    return [*network.named_parameters(prefix="network"), *matrices]


def check_design(design: Design) -> None:
    """Raise UserError where OFA's weights have no place in `design`."""
    if not design.full_mask & INVERTED_BOTTLENECK:
        raise UserError(f"{design.label} has no inverted bottlenecks, which OFA's weights are of")
    for name in ("kernels", "expand_ratios", "depths"):
        if (asked := getattr(design, name)) != (there := getattr(OFA_DESIGN, name)):
            raise UserError(
                f"elastic.{name} cannot be {list(asked)} for OFA's weights: allowed are {list(there)}"
            )


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return one_line(lines[0]) if lines else type(error).__name__
