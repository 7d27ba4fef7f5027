"""Damage to files, drawn from a generator, and what reading a damaged file comes to."""

import copy
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from natv2.errors import UserError
from natv2.files import read_tensors, write_tensors

Outcome = Literal["equal", "one sentence", "another whole file", "other exception", "silent difference"]
WRONG: tuple[Outcome, ...] = ("other exception", "silent difference")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A whole file, a function that loads such a file, and what that gives: all that its values decide."""

    content: bytes
    load: Callable[[Path], Any]
    expected: Any

    @classmethod
    def at(cls, path: Path, load: Callable[[Path], Any]) -> "Subject":
        """The file at `path`."""
        return cls(content=path.read_bytes(), load=load, expected=load(path))


def outcome(subject: Subject, path: Path, draw: np.random.Generator) -> tuple[Outcome, str]:
    """What loading comes to after one mutation that `draw` picks; and what was said. `path` is written.

    A quarter of the mutations of tensors are of the values, written anew as natv2 writes them: such a file is
    whole, and may say something else.
    """
    of_tensors = subject.content[8:9] == b"{"
    rewritten = of_tensors and draw.random() < 0.25
    if rewritten:
        path.write_bytes(subject.content)
        rewrite(path, draw)
    else:
        path.write_bytes(damage(subject.content, draw, of_tensors=of_tensors))
    try:
        found = subject.load(path)
    except UserError as error:
        lines = error.message.splitlines()
        return "one sentence" if len(lines) == 1 else "other exception", error.message
    except Exception as error:  # whatever it is, it is counted
        return "other exception", f"{type(error).__name__}: {error}"
    if found == subject.expected:
        return "equal", ""
    return "another whole file" if rewritten else "silent difference", ""


def damage(content: bytes, draw: np.random.Generator, *, of_tensors: bool) -> bytes:
    """`content` with bits, blocks or its end changed, or its header, whose checksum is not made anew."""
    kinds = (_bits, _bits, _cut, _longer, _zeros, _exchanged)
    if of_tensors:
        kinds += (_first_bits, _nan, _spaces, _text)
    return kinds[draw.integers(len(kinds))](bytearray(content), draw)


def rewrite(path: Path, draw: np.random.Generator) -> None:
    """Change one of the header's values or one tensor, and write the file with a right checksum."""
    tensors, header = read_tensors(path)
    if tensors and draw.random() < 0.4:
        _change_tensor(tensors, draw)
    else:
        header = _changed(header, draw)
    write_tensors(path, tensors, header)


def _bits(content: bytearray, draw: np.random.Generator) -> bytes:
    for place in draw.integers(8 * len(content), size=draw.integers(1, 9)):
        content[place // 8] ^= 1 << int(place % 8)
    return bytes(content)


def _first_bits(content: bytearray, draw: np.random.Generator) -> bytes:
    place = draw.integers(8 * min(len(content), 8 + _header_size(content)))
    content[place // 8] ^= 1 << int(place % 8)
    return bytes(content)


def _cut(content: bytearray, draw: np.random.Generator) -> bytes:
    return bytes(content[: draw.integers(len(content))])


def _longer(content: bytearray, draw: np.random.Generator) -> bytes:
    return bytes(content) + draw.bytes(int(draw.integers(1, 100)))


def _zeros(content: bytearray, draw: np.random.Generator) -> bytes:
    start = int(draw.integers(len(content)))
    end = min(len(content), start + int(draw.integers(1, 4096)))
    content[start:end] = bytes(end - start)
    return bytes(content)


def _exchanged(content: bytearray, draw: np.random.Generator) -> bytes:
    size = int(draw.integers(1, max(2, len(content) // 8)))
    a, b = (int(place) for place in sorted(draw.integers(len(content) - size, size=2)))
    content[a : a + size], content[b : b + size] = content[b : b + size], content[a : a + size]
    return bytes(content)


def _nan(content: bytearray, draw: np.random.Generator) -> bytes:
    start = 8 + _header_size(content)
    place = start + 4 * int(draw.integers(max(1, (len(content) - start) // 4)))
    content[place : place + 4] = struct.pack("<f", float("nan"))
    return bytes(content)


def _spaces(content: bytearray, draw: np.random.Generator) -> bytes:
    """Behind the header, which moves all that follows."""
    size, more = _header_size(content), int(draw.integers(1, 65))
    return struct.pack("<Q", size + more) + content[8 : 8 + size] + b" " * more + content[8 + size :]


def _text(content: bytearray, draw: np.random.Generator) -> bytes:
    """The header of a safetensors file, which is JSON, with another value in it."""
    size = _header_size(content)
    header = json.dumps(_changed(json.loads(content[8 : 8 + size]), draw)).encode()
    return struct.pack("<Q", len(header)) + header + content[8 + size :]


def _header_size(content: bytearray) -> int:
    return int(struct.unpack("<Q", content[:8])[0])


_VALUES: tuple[Any, ...] = (None, True, False, -1, 0, 1, 2, 7, 2**31, 2**70, 0.5, -0.0, 1e300, float("nan"))
_VALUES += (
    "",
    "os:_exit",
    "ctypes:string_at",
    "resnet18",
    "vit_h_14",
    "a\nb",
    "x" * 5000,
    "\ud800",
    [],
    {},
    [[]],
)
_VALUES += ([1] * 1000, {"a": {"b": 1}}, float("inf"), "1", "F64", [1, 2, 3], ["a", "b"])


def _changed(header: dict[str, Any], draw: np.random.Generator) -> dict[str, Any]:
    """`header` with one of its values, at any depth, changed, taken out, doubled or called otherwise."""
    header = copy.deepcopy(header)
    places = list(_places(header))
    inside, key = places[draw.integers(len(places))]
    old = inside[key]
    how = draw.integers(5)
    if how == 0:
        del inside[key]
    elif how == 1 and isinstance(inside, dict):
        inside[f"{key}x"] = inside.pop(key)
    elif how == 2 and isinstance(old, int | float):
        inside[key] = old * 2 + 1
    elif how == 3 and isinstance(old, list | str):
        inside[key] = old * 2
    else:
        inside[key] = _VALUES[draw.integers(len(_VALUES))]
    return header


def _places(value: Any) -> list[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in _places(value[key])]


def _change_tensor(tensors: dict[str, Tensor], draw: np.random.Generator) -> None:
    names = sorted(tensors)
    name = names[draw.integers(len(names))]
    old = tensors.pop(name)
    changed: tuple[Callable[[], Tensor], ...] = (
        lambda: old[None],
        lambda: old.flatten(),
        lambda: old.double(),
        lambda: old.half(),
        lambda: torch.full_like(old, float("nan")) if old.is_floating_point() else old + 1,
        lambda: torch.zeros(0),
        lambda: torch.cat([old.flatten(), old.flatten()]),
        lambda: old.int(),
        lambda: torch.zeros_like(old),
    )
    how = draw.integers(len(changed) + 2)
    if how < len(changed):
        tensors[name] = changed[how]()
    elif how == len(changed):
        tensors[f"{name}\n"] = old
