"""Tensors and JSON values in one safetensors file, written whole or not at all."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from natv2.errors import UserError
from natv2.formats import FORMAT, upgraded

_HEADER_KEY, _FORMAT_KEY = "natv2", "format"


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` through a temporary file: a power cut leaves the old or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        os.fchmod(handle, 0o644)  # mkstemp lets only the owner read
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write named tensors and a JSON-ready header to `path`, atomically."""
    # safetensors keeps no strides: what is channels-last in memory is stored in logical order.
    stored = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    write_bytes(path, save(stored, {_HEADER_KEY: json.dumps(header), _FORMAT_KEY: str(FORMAT)}))


def read_header(path: Path) -> dict[str, Any]:
    """The header that `write_tensors` gave. Raises UserError on a truncated or foreign file."""
    return _read(path, with_tensors=False)[1]


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and header of `path`. Raises UserError on a truncated or foreign file."""
    return _read(path, with_tensors=True)


def _read(path: Path, *, with_tensors: bool) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            text = metadata.get(_HEADER_KEY)
            if text is None:
                raise UserError(f"{path} is a safetensors file, but not one that natv2 wrote")
            names = list(file.keys())  # an open file is not iterable itself
            tensors = {name: file.get_tensor(name) for name in names} if with_tensors else {}
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except (SafetensorError, OSError) as error:
        raise UserError(
            f"{path} is not a whole safetensors file ({error}); delete it or restore it"
        ) from None
    version = int(metadata.get(_FORMAT_KEY, 1))
    if version > FORMAT:
        raise UserError(f"{path} was written by a newer version of natv2 (format {version}, known: {FORMAT})")
    return tensors, upgraded(json.loads(text), version)
