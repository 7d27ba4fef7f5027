"""Images decoded once: uint8 arrays in files, made in parallel, resumed after a stop."""

import hashlib
import json
import math
import os
import shutil
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import psutil
import torch
from filelock import FileLock
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from natv2.bar import progress_bar
from natv2.errors import UserError
from natv2.files import write_bytes
from natv2.images.decode import UnreadableImageError, as_rgb, decode, image_size
from natv2.images.listing import Listing

_FORMAT = 1
_CHUNK = 256  # samples decoded by one thread at a time
_SECONDS = 1  # of decoding that a stop can cost
_SAMPLED = 1000  # headers that are read before it is known how large images are
_COLUMNS = ("width", "height", "mode", "digest", "error")


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded:
    """All samples of a listing, in its order.

    `pixels` uint8 (N, H, W, 3), black where a sample could not be read; in memory, or mapped from its
    file where it would fill more than a quarter of the memory. `index` has a row for each sample with
    the columns name, width, height, mode, digest and error ("" where it was read).
    """

    pixels: NDArray[np.uint8]
    index: pd.DataFrame
    fingerprint: str

    @cached_property
    def pool(self) -> Tensor:
        """The pixels as a tensor (N, 3, H, W), channels-last, of the same memory."""
        return torch.from_numpy(self.pixels).permute(0, 3, 1, 2)


def typical_side(listing: Listing) -> int:
    """The median of the shorter sides of the images, from the headers of a thousand of them."""
    sizes = [size for size in _sampled_sizes(listing) if size is not None]
    return round(median(min(size) for size in sizes)) if sizes else 0


def stored_size(listing: Listing, side: int) -> tuple[int, int]:
    """The size (width, height) that images are kept at.

    Their own, where all have one and it is within `side` pixels; a square of `side` otherwise: whole
    images, not their centres, for what stands at the edge may be what a class is told by.
    """
    sizes = set(_sampled_sizes(listing)) - {None}
    if len(sizes) == 1:
        (own,) = sizes
        if own is not None and max(own) <= side:
            return own
    return side, side


def fingerprint(listing: Listing, size: tuple[int, int]) -> str:
    """A digest of what the decoded arrays depend on: the files, their order, the size they are kept at."""
    digest = hashlib.blake2b(f"{_FORMAT} {size}".encode(), digest_size=8)
    if isinstance(listing.samples, np.ndarray):
        digest.update(np.ascontiguousarray(listing.samples).data)
    else:
        for path, name in zip(listing.samples, listing.names, strict=True):
            try:
                status = path.stat()
            except FileNotFoundError:
                raise UserError(f"{path} is listed and not there: the set is incomplete") from None
            # The inode tells two folders apart that have exchanged their names.
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}\0".encode())
    return digest.hexdigest()


def decode_all(listing: Listing, folder: Path, size: tuple[int, int], title: str) -> Decoded:
    """The samples of `listing` at `size`, decoded if `folder` does not hold them already.

    A decoding that was stopped resumes. What `folder` holds of an earlier state of the source is
    deleted when the new one is complete.
    """
    mark = fingerprint(listing, size)
    folder.mkdir(parents=True, exist_ok=True)
    pixels, rows, table = (folder / f"{mark}.{ending}" for ending in ("pixels", "rows", "parquet"))
    with FileLock(folder / ".lock"):
        if not table.exists() or not _is_whole(pixels, len(listing), size):
            table.unlink(missing_ok=True)
            _check_room(folder, len(listing) * size[0] * size[1] * 3)
            _decode_missing(listing, pixels, rows, size, title)
            _write_table(listing, rows, table)
            for path in folder.iterdir():
                if not path.name.startswith((mark, ".lock")):
                    path.unlink()
    width, height = size
    shape = (len(listing), height, width, 3)
    return Decoded(pixels=_opened(pixels, shape), index=pd.read_parquet(table), fingerprint=mark)


def _decode_missing(listing: Listing, pixels: Path, rows: Path, size: tuple[int, int], title: str) -> None:
    """Append to both files until all chunks are in them: pixels first, then the line that counts."""
    image_bytes = size[0] * size[1] * 3
    done = _whole_lines(rows)
    if not pixels.exists() or pixels.stat().st_size < min(done * _CHUNK, len(listing)) * image_bytes:
        rows.unlink(missing_ok=True)  # lines without their pixels count for nothing
        done = 0
    chunks = [range(start, min(start + _CHUNK, len(listing))) for start in range(0, len(listing), _CHUNK)]
    with (
        pixels.open("ab") as pixel_file,
        rows.open("ab") as row_file,
        progress_bar(f"decoding {title}", len(listing), min(done * _CHUNK, len(listing))) as bar,
    ):
        pixel_file.truncate(min(done * _CHUNK, len(listing)) * image_bytes)
        lines: list[bytes] = []
        kept = time.monotonic()
        for images, facts in _decoded(listing, chunks[done:], size):
            pixel_file.write(images.data)
            lines.append(json.dumps(facts).encode() + b"\n")
            bar.advance("", len(facts))
            if time.monotonic() - kept >= _SECONDS:
                _keep(pixel_file, row_file, lines)
                kept = time.monotonic()
        _keep(pixel_file, row_file, lines)


def _decoded(
    listing: Listing, chunks: Sequence[range], size: tuple[int, int]
) -> Iterator[tuple[NDArray[np.uint8], list[list[Any]]]]:
    """The chunks in order, a thread for each core: Pillow's decoders let go of the GIL."""
    threads = os.cpu_count() or 1
    waiting: deque[Future[tuple[NDArray[np.uint8], list[list[Any]]]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for chunk in chunks:
                waiting.append(pool.submit(_decode_chunk, listing, chunk, size))
                # A few ahead of the writer, so that memory stays small.
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _decode_chunk(
    listing: Listing, chunk: range, size: tuple[int, int]
) -> tuple[NDArray[np.uint8], list[list[Any]]]:
    width, height = size
    images = np.zeros((len(chunk), height, width, 3), dtype=np.uint8)
    facts: list[list[Any]] = []
    for place, number in enumerate(chunk):
        if isinstance(listing.samples, np.ndarray):
            array = listing.samples[number]
            digest = hashlib.blake2b(array.tobytes(), digest_size=16).hexdigest()
            facts.append([array.shape[1], array.shape[0], "RGB", digest, ""])
            images[place] = array if array.shape[:2] == (height, width) else _resized(array, size)
            continue
        try:
            image = decode(listing.samples[number], size)
        except UnreadableImageError as error:
            facts.append([0, 0, "", "", str(error)])
        else:
            facts.append([*image[1:], ""])
            images[place] = image.pixels
    return images, facts


def _resized(array: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(as_rgb(Image.fromarray(array)).resize(size, Image.Resampling.BICUBIC))


def _write_table(listing: Listing, rows: Path, table: Path) -> None:
    facts = [fact for line in rows.read_text(encoding="utf-8").splitlines() for fact in json.loads(line)]
    index = pd.DataFrame(facts, columns=list(_COLUMNS))
    index.insert(0, "name", listing.names)
    write_bytes(table, index.to_parquet())
    rows.unlink()


def _check_room(folder: Path, needed: int) -> None:
    # What is there already of an interrupted decoding only makes it less: better refused than stopped late.
    free = shutil.disk_usage(folder).free + sum(path.stat().st_size for path in folder.glob("*.pixels"))
    if needed > free:
        raise UserError(
            f"{folder} has room for {free / 2**30:,.1f} GiB and the decoded images take "
            f"{needed / 2**30:,.1f}: give smaller resolutions, or more room"
        )


def _is_whole(pixels: Path, count: int, size: tuple[int, int]) -> bool:
    return pixels.exists() and pixels.stat().st_size == count * size[0] * size[1] * 3


def _whole_lines(rows: Path) -> int:
    """How many lines are whole; half a line that a power cut left is cut off."""
    if not rows.exists():
        return 0
    content = rows.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(rows, len(whole))
    return whole.count(b"\n")


def _keep(pixel_file: BinaryIO, row_file: BinaryIO, lines: list[bytes]) -> None:
    """Let both files reach the disk, the pixels before the `lines` that make them count."""
    _to_disk(pixel_file)
    row_file.writelines(lines)
    _to_disk(row_file)
    lines.clear()


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _opened(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    if 4 * math.prod(shape) <= psutil.virtual_memory().total:
        return np.fromfile(path, dtype=np.uint8, count=math.prod(shape)).reshape(shape)
    # Copy-on-write: torch wants arrays that could be written to, and the file must not change.
    return np.memmap(path, dtype=np.uint8, mode="c", shape=shape)


def _sampled_sizes(listing: Listing) -> list[tuple[int, int] | None]:
    if isinstance(listing.samples, np.ndarray):
        return [(listing.samples.shape[2], listing.samples.shape[1])]
    every = max(1, len(listing) // _SAMPLED)
    return [image_size(path) for path in listing.samples[::every]]
