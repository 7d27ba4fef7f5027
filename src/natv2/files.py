"""Tensors and JSON values in one safetensors file, written whole or not at all, and checked when read."""

import json
import logging
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from natv2.atomic import write_bytes
from natv2.errors import UserError
from natv2.formats import FIRST_WITH_CHECKSUM, FORMAT, upgraded

logger = logging.getLogger("natv2")

_HEADER_KEY, _FORMAT_KEY, _CHECKSUM_KEY = "natv2", "format", "sha256"
_LONGEST = 300  # characters of what a library says

T = TypeVar("T")


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write named tensors and a JSON-ready header to `path` with their checksum, atomically."""
    # safetensors keeps no strides: what is channels-last in memory is stored in logical order.
    stored = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    text = json.dumps(header)
    metadata = {_HEADER_KEY: text, _FORMAT_KEY: str(FORMAT), _CHECKSUM_KEY: _checksum(stored, text, FORMAT)}
    write_bytes(path, save(stored, metadata))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and header of `path`, in memory of their own.

    Raises UserError on a damaged or foreign file.
    """
    tensors, texts = _parts(path)
    header, version = _header(path, texts)
    checksum = texts.get(_CHECKSUM_KEY)
    if checksum is None and version < FIRST_WITH_CHECKSUM:
        logger.warning("%s has no checksum, since an earlier version wrote it: damage is not seen", path)
    elif checksum != _checksum(tensors, texts[_HEADER_KEY], version):
        raise _damaged(path, "its checksum is another one")
    return tensors, header


def read_header(path: Path) -> dict[str, Any]:
    """The header alone, for a quick look: only `read_tensors` compares it with the checksum.

    Raises UserError on a truncated or foreign file.
    """
    return _header(path, _parts(path, with_tensors=False)[1])[0]


def parsed(kind: type[T], header: Mapping[str, Any]) -> T:
    """`header` as a `kind`, with all its values checked. Raises UserError at the first that is wrong."""
    try:
        return TypeAdapter(kind).validate_json(json.dumps(header), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place, why = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
        raise UserError(one_line(f"its header cannot be used: {place and f'{place}: '}{why}")) from None


def misfit(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str | None:
    """What is wrong with the first of the tensors `found` that is not as `expected`; None where all are.

    Names, shapes and dtypes must be the same, and all values finite. `expected` may be on the meta device.
    """
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            return f"{name} is missing"
        tensor = found[name]
        if name not in expected:
            return f"{one_line(name)} is not one of its tensors"
        if (told := _told(tensor)) != (wanted := _told(expected[name])):
            return f"{name} is {told}, not {wanted}"
        if tensor.is_floating_point() and not tensor.isfinite().all():
            return f"{name} has values that are no numbers"
    return None


def one_line(text: object) -> str:
    """What another library says, in one line that is not endless."""
    said = " ".join(str(text).split())
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}..."


def _parts(path: Path, *, with_tensors: bool = True) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors, copied, and the texts beside them."""
    try:
        if not path.is_file():  # a named pipe would be waited for
            raise UserError(f"{path} {'is not a file' if path.exists() else 'does not exist'}")
        with safe_open(path, framework="pt") as file:
            names = list(file.keys()) if with_tensors else []  # an open file is not iterable itself
            # Copies: what the library gives is the file itself, which may change, and results can depend, in
            # their last bits, on where in memory it has its values.
            return {name: file.get_tensor(name).clone() for name in names}, file.metadata() or {}
    except UserError:
        raise
    except Exception as error:  # of several kinds: the library's, and torch's for what it has no tensor for
        raise UserError(
            f"{path} is not a whole safetensors file ({one_line(error)}); delete it or restore it"
        ) from None


def _header(path: Path, texts: Mapping[str, str]) -> tuple[dict[str, Any], int]:
    """The header as it would be written now, and the version that wrote it."""
    text, version = texts.get(_HEADER_KEY), texts.get(_FORMAT_KEY, "1")
    if text is None:
        raise UserError(f"{path} is a safetensors file, but not one that natv2 wrote")
    if not re.fullmatch("[1-9][0-9]{0,3}", version):
        raise _damaged(path, f"its format cannot be {version[:9]!r}")
    if int(version) > FORMAT:
        raise UserError(f"{path} was written by a newer version of natv2 (format {version}, known: {FORMAT})")
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"its header is no JSON: {one_line(error)}") from None
    if not isinstance(header, dict):
        raise _damaged(path, f"its header cannot be a {type(header).__name__}")
    return upgraded(header, int(version)), int(version)


def _checksum(tensors: Mapping[str, Tensor], text: str, version: int) -> str:
    """SHA-256 over a header and tensors: names, dtypes, shapes and values."""
    ordered = sorted(tensors.items())
    said = [version, text, [(name, _told(tensor)) for name, tensor in ordered]]
    checksum = sha256(json.dumps(said).encode())
    for _, tensor in ordered:
        checksum.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return checksum.hexdigest()


def _told(tensor: Tensor) -> str:
    shape = " x ".join(map(str, tensor.shape)) or "scalar"
    return f"{str(tensor.dtype).removeprefix('torch.')} {shape}"


def _damaged(path: Path, why: str) -> UserError:
    return UserError(f"{path} is damaged ({why}); delete it or restore it")
