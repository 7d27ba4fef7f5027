"""Sets that torchvision has a class for, read (and fetched) by it."""

import inspect
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np

from natv2.errors import UserError
from natv2.images.datasets import DataSet
from natv2.images.listing import Listing

# What torchvision lets through where raw files are missing or not whole.
_DAMAGED = (RuntimeError, OSError, EOFError, ValueError, LookupError, AssertionError, UnpicklingError)


def read_torchvision(spec: DataSet, folder: Path) -> Listing:
    """The parts of `spec`, as torchvision's class of that type reads them.

    Files are listed and not decoded; images that come in one array are taken as they are. Raises
    FileNotFoundError where torchvision does not find its raw files (or finds them damaged), UserError
    where the parts differ in their classes: each numbers its own.
    """
    samples: list[Any] = []
    names: list[str] = []
    labels: list[int] = []
    parts: list[str] = []
    class_names: tuple[str, ...] = ()
    for part, arguments in spec.parts.items():
        dataset = open_part(spec, folder, arguments)
        found, part_labels = _listed(spec, dataset)
        if class_names not in ((), _class_names(dataset)):
            raise UserError(f"{folder} is incomplete: its part '{part}' has not the classes of the others")
        class_names = _class_names(dataset)
        samples += found
        labels += part_labels
        parts += [part] * len(found)
        names += [_name(sample, part, number, folder) for number, sample in enumerate(found)]
    return Listing(
        samples=tuple(samples) if isinstance(samples[0], Path) else np.stack(samples),
        names=tuple(names),
        labels=np.array(labels, dtype=np.int64),
        parts=np.array(parts),
        class_names=class_names,
    )


def _class_of(spec: DataSet) -> type:
    from torchvision import datasets  # takes seconds

    found: type = getattr(datasets, str(spec.type))
    return found


def open_part(spec: DataSet, folder: Path, arguments: Any, **more: Any) -> Any:
    """Torchvision's data set of one part. Raises FileNotFoundError where it is not there."""
    kind = _class_of(spec)
    if _takes_loader(kind):
        more["loader"] = Path  # the sample is its path then, and nothing is decoded
    try:
        return kind(root=folder / spec.folder, **arguments, **more)
    except _DAMAGED as error:
        raise FileNotFoundError(" ".join(str(error).split())) from error


def fetch_torchvision(spec: DataSet, folder: Path) -> None:
    """Let torchvision download what it can. Raises FileNotFoundError where that fails."""
    kind = _class_of(spec)
    # ImageNet's class takes no `download`: asked again, it says which archive it misses.
    more = {"download": True} if "download" in inspect.signature(kind).parameters else {}
    for arguments in spec.parts.values():
        open_part(spec, folder, arguments, **more)


def _takes_loader(kind: type) -> bool:
    from torchvision.datasets import ImageFolder

    return "loader" in inspect.signature(kind).parameters or issubclass(kind, ImageFolder)


def _listed(spec: DataSet, dataset: Any) -> tuple[list[Any], list[int]]:
    if spec.private is not None:
        paths, labels = (getattr(dataset, name) for name in spec.private)
        return [Path(path) for path in paths], [int(label) for label in labels]
    pairs = [dataset[number] for number in range(len(dataset))]
    if not pairs:
        raise UserError(f"torchvision's {type(dataset).__name__} holds no images")
    samples = [pair[0] if isinstance(pair[0], Path) else np.asarray(pair[0].convert("RGB")) for pair in pairs]
    return samples, [int(label) for _, label in pairs]


def _class_names(dataset: Any) -> tuple[str, ...]:
    # ImageNet's are tuples of synonyms, and some share them: the machine and the bird called crane.
    names = [name if isinstance(name, str) else ", ".join(name) for name in dataset.classes]
    wnids = getattr(dataset, "wnids", names)
    return tuple(
        f"{name} ({wnid})" if names.count(name) > 1 else name for name, wnid in zip(names, wnids, strict=True)
    )


def _name(sample: Any, part: str, number: int, folder: Path) -> str:
    if not isinstance(sample, Path):
        return f"{part}/{number:06}"
    return sample.relative_to(folder).as_posix() if sample.is_relative_to(folder) else sample.as_posix()
