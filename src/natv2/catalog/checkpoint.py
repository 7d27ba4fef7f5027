"""A supernet's checkpoint as a catalog entry."""

import os
import shutil
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from kedro.io import AbstractVersionedDataset, Version

from natv2.errors import UserError
from natv2.recorded import check_recorded
from natv2.supernets.checkpoint import (
    Checkpoint,
    read_checkpoint,
    read_checkpoint_header,
    write_checkpoint,
)


class CheckpointDataset(AbstractVersionedDataset[Checkpoint, Checkpoint]):
    """A checkpoint in a safetensors file, written whole or not at all.

    A checkpoint that is as it came from its file is linked to it, not written again: a phase that the
    supernet has no use for costs no space.
    """

    def __init__(
        self, *, filepath: str, version: Version | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(PurePosixPath(filepath), version)
        self.metadata = metadata

    def load(self) -> Checkpoint:
        """The checkpoint, with `path` set. Raises UserError on a damaged or foreign file."""
        path = Path(self._get_load_path())
        check_recorded(path)
        return read_checkpoint(path)

    def header(self) -> dict[str, Any]:
        """What the file says beside the weights, all of it checked. Raises UserError as `load`."""
        path = Path(self._get_load_path())
        read_checkpoint(path)  # the weights too: a run that needs them later is told now
        return read_checkpoint_header(path)

    def save(self, data: Checkpoint) -> None:
        """Write `data`, or link the file it came from."""
        path = Path(self._get_save_path())
        if data.path is not None and _holds(data.path, data):
            link(data.path, path)
        else:
            write_checkpoint(path, data)

    def _exists(self) -> bool:
        return Path(self._get_load_path()).exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}


def _holds(path: Path, checkpoint: Checkpoint) -> bool:
    """Whether the file at `path` is `checkpoint`: one made from it with other weights may still name it."""
    try:
        stored = read_checkpoint(path)
    except UserError:  # it is gone, or was damaged meanwhile
        return False
    return (
        replace(stored, weights={}) == replace(checkpoint, weights={}, path=path)
        and stored.weights.keys() == checkpoint.weights.keys()
        and all(
            torch.equal(tensor, checkpoint.weights[name].cpu()) for name, tensor in stored.weights.items()
        )
    )


def link(source: Path, target: Path) -> None:
    """Make `target` another name of `source`, a copy where the file system has no hard links."""
    if target.exists() and target.samefile(source):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
