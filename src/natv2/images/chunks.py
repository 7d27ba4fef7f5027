"""Images decoded by a thread for each core, and given in their order."""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from math import nan
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from natv2.images.decode import UnreadableImageError, as_rgb, decode
from natv2.images.levels import Levels
from natv2.images.listing import Listing

COLUMNS = ("width", "height", "mode", "digest", "error", "low", "high", "whole", "pages")
"""What is known of each sample; `low`, `high` and `whole` are the extent of more than 8 bits."""

Chunk = tuple[NDArray[np.uint8], list[list[Any]]]
"""Pixels (N, H, W, 3), and the facts of COLUMNS for each."""

Pixels = NDArray[np.uint8] | str
"""Those of an image (H, W, 3), or why it could not be read."""

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


def decoded(listing: Listing, chunks: Sequence[range], size: tuple[int, int]) -> Iterator[Chunk]:
    """The `chunks` of samples at `size`; black where one could not be read."""
    return _in_order(lambda chunk: _decode_chunk(listing, chunk, size), chunks)


def decoded_with(
    paths: Sequence[Path], size: tuple[int, int], levels: Levels | None = None
) -> Iterator[Pixels]:
    """The image files at `paths`, scaled by `levels`."""

    def pixels(path: Path) -> Pixels:
        try:
            return decode(path, size, levels).pixels
        except UnreadableImageError as error:
            return str(error)

    return _in_order(pixels, paths)


def _in_order(work: Callable[[_Job], _Result], jobs: Sequence[_Job]) -> Iterator[_Result]:
    """What `work` makes of each of the `jobs`: Pillow's decoders let go of the GIL."""
    threads = os.cpu_count() or 1
    waiting: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for job in jobs:
                waiting.append(pool.submit(work, job))
                # A few ahead of the writer, so that memory stays small.
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _decode_chunk(listing: Listing, chunk: range, size: tuple[int, int]) -> Chunk:
    width, height = size
    images = np.zeros((len(chunk), height, width, 3), dtype=np.uint8)
    facts: list[list[Any]] = []
    for place, number in enumerate(chunk):
        if isinstance(listing.samples, np.ndarray):
            array = listing.samples[number]
            digest = hashlib.blake2b(array.tobytes(), digest_size=16).hexdigest()
            facts.append([array.shape[1], array.shape[0], "RGB", digest, "", nan, nan, True, 1])
            images[place] = array if array.shape[:2] == (height, width) else _resized(array, size)
            continue
        try:
            image = decode(listing.samples[number], size)
        except UnreadableImageError as error:
            facts.append([0, 0, "", "", str(error), nan, nan, True, 1])
        else:
            low, high, whole = image.extent or (nan, nan, True)
            facts.append(
                [image.width, image.height, image.mode, image.digest, "", low, high, whole, image.pages]
            )
            images[place] = image.pixels
    return images, facts


def _resized(array: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(as_rgb(Image.fromarray(array)).resize(size, Image.Resampling.BICUBIC))
