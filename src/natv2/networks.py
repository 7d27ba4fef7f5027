"""Finished networks of either kind, loaded from their files in one call."""

from collections.abc import Callable
from pathlib import Path

from torch import nn

from natv2.aep import classifier as multi_exit
from natv2.errors import UserError
from natv2.files import read_tensors
from natv2.supernets import classifier as finished


def load_network(
    path: Path | str, build: Callable[[int], nn.Module] | None = None
) -> finished.Classifier | multi_exit.MultiExitClassifier:
    """The finished network in `path`, in evaluation mode; its `class_names` name the logits.

    A folder will do where it holds one network, as that of a run of `aep`.
    `build` makes a network of a person's own for a number of classes, where `aep` pruned such a one; None
    imports it by the name it had. Raises UserError where the file is missing, damaged or of another kind, and
    on a folder of several.
    """
    path = _file(Path(path))
    tensors, header = read_tensors(path)
    kind = header.get("kind")
    if kind == multi_exit.KIND:
        return multi_exit.build_multi_exit(tensors, multi_exit.stored_header(header), build)
    if kind == finished.KIND:
        del header["kind"]
        return finished.build_classifier(tensors, finished.NetworkHeader(**header))
    raise UserError(f"{path} does not hold a finished network")


def _file(path: Path) -> Path:
    """`path`, or the one network in it where it is a folder."""
    if not path.is_dir():
        return path
    inside = sorted(path.glob("*.safetensors"))
    if len(inside) != 1:
        names = ", ".join(file.name for file in inside) or "none"
        raise UserError(f"{path} is a folder; one network is needed, it holds: {names}")
    return inside[0]
