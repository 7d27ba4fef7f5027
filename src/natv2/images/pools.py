"""Pixels that are known by their file: other processes open the file instead of being sent a copy."""

import math
from collections.abc import MutableMapping
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary  # tensors compare their values

from natv2.errors import UserError

_PLACES: MutableMapping[Tensor, tuple[str, tuple[int, ...]]] = WeakIdKeyDictionary()
_OPENED: WeakValueDictionary[tuple[str, str], Tensor] = WeakValueDictionary()


def remember(pool: Tensor, path: Path | str, shape: tuple[int, ...]) -> Tensor:
    """`pool`, (N, 3, H, W), of which is known from now on that the file `path` holds it as uint8 `shape`."""
    _PLACES[pool] = (str(path), shape)
    return pool


def moved(pool: Tensor, device: torch.device) -> Tensor:
    """`pool` on `device`, still known by its file."""
    there = pool.to(device)
    if (place := _PLACES.get(pool)) is not None:
        remember(there, *place)
    return there


def portable_pool(pool: Tensor) -> tuple[str, tuple[int, ...], str] | Tensor:
    """What another process can have `pool` from: its file, shape and device; itself where it has no file."""
    place = _PLACES.get(pool)
    return pool if place is None else (*place, str(pool.device))


def from_portable(known: tuple[str, tuple[int, ...], str] | Tensor) -> Tensor:
    """The pool that `portable_pool` gave. Raises UserError where its file is not here, or is another."""
    if isinstance(known, Tensor):
        return known
    path, shape, device = known
    pool = _OPENED.get((path, device))
    if pool is None:
        size = Path(path).stat().st_size if Path(path).is_file() else 0
        if size != math.prod(shape):
            raise UserError(
                f"the decoded images are not in {path} ({size} of {math.prod(shape)} bytes): decode them on "
                "every host, by kedro run --pipeline images, or share data/"
            )
        # Copy-on-write: torch wants arrays that could be written to, and the file must not change.
        pixels = np.memmap(path, dtype=np.uint8, mode="c", shape=shape)
        pool = torch.from_numpy(pixels).permute(0, 3, 1, 2).to(device)
        remember(pool, path, shape)
        _OPENED[path, device] = pool
    return pool
