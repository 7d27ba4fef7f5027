"""Images decoded once: uint8 arrays in files, made in parallel, resumed after a stop."""

import hashlib
import json
import math
import os
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from natv2.atomic import write_bytes
from natv2.bar import progress_bar
from natv2.disk import check_room, locked, writing
from natv2.errors import UserError
from natv2.images.chunks import COLUMNS, decoded, decoded_with
from natv2.images.levels import Extent, Levels, common_levels, is_deep
from natv2.images.listing import Listing
from natv2.images.memory import memory_limit
from natv2.images.pools import remember
from natv2.images.store_files import StoreFiles, keep, to_disk, whole_lines

_FORMAT = 2  # the first turned TIFF files twice
_CHUNK = 256  # samples decoded by one thread at a time
_SECONDS = 1  # of decoding that a stop can cost
_FACTS = 200  # bytes, at the most, that are kept of an image beside its pixels


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded:
    """All samples of a listing, in its order.

    `pixels` uint8 (N, H, W, 3), black where a sample could not be read; in memory, or mapped from its
    `file` where it would fill more than a quarter of the memory. `index` has a row for each sample: its name
    and the columns of natv2.images.chunks (`error` is "" where it was read). `levels` scaled what has more
    than 8 bits; None where nothing has.
    """

    pixels: NDArray[np.uint8]
    file: Path
    index: pd.DataFrame
    fingerprint: str
    levels: Levels | None = None

    @cached_property
    def pool(self) -> Tensor:
        """The pixels as a tensor (N, 3, H, W), channels-last, of the same memory."""
        return remember(torch.from_numpy(self.pixels).permute(0, 3, 1, 2), self.file, self.pixels.shape)


def file_status(path: Path) -> os.stat_result:
    """Size and times of an image's file. Raises UserError where it is gone or may not be looked at."""
    try:
        return path.stat()
    except FileNotFoundError:
        raise UserError(f"{path} is listed and not there: the set is incomplete") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): allow it") from None


def fingerprint(listing: Listing, size: tuple[int, int]) -> str:
    """A digest of what the decoded arrays depend on: the files, their order, the size they are kept at."""
    digest = hashlib.blake2b(f"{_FORMAT} {size}".encode(), digest_size=8)
    if isinstance(listing.samples, np.ndarray):
        digest.update(np.ascontiguousarray(listing.samples).data)
    else:
        for path, name in zip(listing.samples, listing.names, strict=True):
            status = file_status(path)
            # The inode tells two folders apart that have exchanged their names.
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}\0".encode())
    return digest.hexdigest()


def decode_all(
    listing: Listing,
    folder: Path,
    size: tuple[int, int],
    title: str,
    scaling: NDArray[np.bool_] | None = None,
) -> Decoded:
    """The samples of `listing` at `size`, decoded if `folder` does not hold them already.

    `scaling` says which samples tell what is black and white in more than 8 bits (None: all). A decoding
    that was stopped resumes. What `folder` holds of an earlier state of the source is deleted when the
    new one is complete. Raises UserError where `folder` is full or cannot be written to.
    """
    place = StoreFiles(folder, fingerprint(listing, size), len(listing), size)
    chosen = np.ones(len(listing), dtype=bool) if scaling is None else scaling
    index = _kept(place, listing, chosen)  # without a lock: it may be on a disk that is only read
    if index is None:
        with locked(folder), writing(folder):
            index = _kept(place, listing, chosen)
            index = _decode(place, listing, chosen, title) if index is None else index
    levels = _levels(index, chosen)
    shape = (len(listing), size[1], size[0], 3)
    mark = place.mark if levels is None else f"{place.mark}-{levels.black:g}-{levels.white:g}"
    pixels = _opened(place.pixels, shape)
    return Decoded(pixels=pixels, file=place.pixels, index=index, fingerprint=mark, levels=levels)


def _kept(place: StoreFiles, listing: Listing, scaling: NDArray[np.bool_]) -> pd.DataFrame | None:
    """The table of what is there whole and right; None where it must be decoded."""
    if not place.table.exists() or place.have() != place.count * place.image_bytes:
        return None
    index = pd.read_parquet(place.table)
    if "low" not in index:  # made when each image had a scale of its own
        if index["mode"].map(is_deep).any():
            return None
        index = index.assign(low=math.nan, high=math.nan, whole=True, pages=1, black=math.nan, white=math.nan)
    levels = _levels(index, scaling)
    if levels is not None and levels != (index["black"].iloc[0], index["white"].iloc[0]):
        return None
    # What could not be read is tried again: another limit, or another library, may read it now.
    failed = [listing.samples[row] for row in np.flatnonzero(index["error"] != "")]
    if any(not isinstance(pixels, str) for pixels in decoded_with(failed, place.size)):
        return None
    return index


def _levels(index: pd.DataFrame, scaling: NDArray[np.bool_]) -> Levels | None:
    """The scale that the samples of `scaling` give, or all where none of those has more than 8 bits."""
    deep = index["low"].notna()
    told = index[deep & scaling] if (deep & scaling).any() else index[deep]
    extents = told[["low", "high", "whole"]].itertuples(index=False)
    return common_levels(Extent(*row) for row in extents) if len(told) else None


def _decode(place: StoreFiles, listing: Listing, scaling: NDArray[np.bool_], title: str) -> pd.DataFrame:
    if place.table.exists() or not place.rows.exists():
        for path in (place.table, place.rows, place.pixels):
            path.unlink(missing_ok=True)  # not emptied: another run may have mapped it
    needed = place.count * (place.image_bytes + _FACTS) - place.have()
    check_room(place.folder, needed, "the decoded images")
    _decode_missing(place, listing, title)
    lines = place.rows.read_text(encoding="utf-8").splitlines()
    index = pd.DataFrame([fact for line in lines for fact in json.loads(line)], columns=list(COLUMNS))
    index.insert(0, "name", listing.names)
    levels = _levels(index, scaling)
    if levels is not None:
        _scale(place, listing, index, levels, title)
    black, white = levels or (math.nan, math.nan)
    index = index.assign(black=black, white=white)
    write_bytes(place.table, index.to_parquet())
    for path in place.folder.iterdir():
        if path == place.rows or not path.name.startswith((place.mark, ".lock")):
            path.unlink()
    return index


def _decode_missing(place: StoreFiles, listing: Listing, title: str) -> None:
    """Append to both files until all chunks are in them: pixels first, then the line that counts."""
    count = place.count
    done = whole_lines(place.rows)
    if place.have() < min(done * _CHUNK, count) * place.image_bytes:
        place.rows.unlink(missing_ok=True)  # lines without their pixels count for nothing
        done = 0
    chunks = [range(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
    with (
        place.pixels.open("ab") as pixel_file,
        place.rows.open("ab") as row_file,
        progress_bar(f"decoding {title}", count, min(done * _CHUNK, count)) as bar,
    ):
        pixel_file.truncate(min(done * _CHUNK, count) * place.image_bytes)
        lines: list[bytes] = []
        kept = time.monotonic()
        for images, facts in decoded(listing, chunks[done:], place.size):
            pixel_file.write(images.data)
            lines.append(json.dumps(facts).encode() + b"\n")
            bar.advance("", len(facts))
            if time.monotonic() - kept >= _SECONDS:
                keep(pixel_file, row_file, lines)
                kept = time.monotonic()
        keep(pixel_file, row_file, lines)


def _scale(place: StoreFiles, listing: Listing, index: pd.DataFrame, levels: Levels, title: str) -> None:
    """Write the images of more than 8 bits anew, all with one scale."""
    rows = np.flatnonzero(index["low"].notna())
    with (
        place.pixels.open("r+b") as file,
        progress_bar(f"scaling {title}", len(rows)) as bar,
    ):
        again = decoded_with([listing.samples[row] for row in rows], place.size, levels)
        for row, pixels in zip(rows, again, strict=True):
            if isinstance(pixels, str):
                index.loc[row, "error"] = pixels
            else:
                file.seek(int(row) * place.image_bytes)
                file.write(pixels.data)
            bar.advance("", 1)
        to_disk(file)


def _opened(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    if 4 * math.prod(shape) <= memory_limit():
        return np.fromfile(path, dtype=np.uint8, count=math.prod(shape)).reshape(shape)
    # Copy-on-write: torch wants arrays that could be written to, and the file must not change.
    return np.memmap(path, dtype=np.uint8, mode="c", shape=shape)
