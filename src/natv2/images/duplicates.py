"""Images that occur twice: the same file, or nearly the same picture."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

_CHUNK = 4096  # pairs that are compared together
_CHUNK_BYTES = 1 << 26  # of the images whose thumbnails are made together
_BANDS = 4  # of 16 bits: two hashes that differ in at most 3 bits agree in one of them
_BITS = 3  # in which hashes of nearly the same picture may differ
_WINDOW = 64  # neighbours in the order of a band that are compared: no set takes quadratic time
_SIDE = 16  # pixels of a thumbnail's side
_PLAIN = 1.0  # deviation of a thumbnail, in levels of 255, below which there is nothing to know a picture by
_TOLERANCE = (
    0.05  # mean difference of two thumbnails, in deviations: a picture saved or scaled again stays below
)

RowPairs = NDArray[np.int64]
"""Row numbers of two images, (P, 2), the earlier one first."""


@dataclass(frozen=True, kw_only=True)
class NearPairs:
    """Pairs of nearly the same picture; there may be more where not `all_found`."""

    pairs: RowPairs
    all_found: bool


def exact_pairs(digests: pd.Series, groups: pd.Series) -> RowPairs:
    """Images of different groups with the same digest: each with the first one of every other group."""
    frame = pd.DataFrame(
        {"digest": digests.to_numpy(), "group": groups.to_numpy(), "row": range(len(digests))}
    )
    firsts = frame.drop_duplicates(["digest", "group"])
    both = firsts.merge(frame, on="digest", suffixes=("", "_other"))
    both = both[both["group"] != both["group_other"]]
    return _ordered(both[["row", "row_other"]].to_numpy(dtype=np.int64))


def near_pairs(pixels: NDArray[np.uint8], rows: NDArray[np.int64], splits: pd.Series) -> NearPairs:
    """Pairs of different splits among `rows` of `pixels` (N, H, W, 3) that show nearly the same.

    A difference hash of 64 bits (Krawetz, 2013) finds them, their thumbnails confirm them; without the
    latter, pictures with little texture would all be alike. Plain ones are in no pair.
    """
    hashes, thumbnails = _looks(pixels, rows)
    part = pd.factorize(splits)[0]
    found: list[RowPairs] = []
    all_found = True
    for band in range(_BANDS):
        # Sorted with the band's bits in front, so that equal hashes are neighbours too.
        turned = np.roll(hashes.view(np.uint16).reshape(-1, _BANDS), band, axis=1)
        order = np.lexsort(turned.T)
        key, ordered = turned[order][:, -1], hashes[order]
        for distance in range(1, min(_WINDOW, len(order) - 1) + 1):
            first, second = order[:-distance], order[distance:]
            same_band = key[:-distance] == key[distance:]
            all_found = all_found and not (distance == _WINDOW and same_band.any())
            differing = np.bitwise_count(ordered[:-distance] ^ ordered[distance:])
            near = same_band & (part[first] != part[second]) & (differing <= _BITS)
            found.append(_alike(thumbnails, np.stack([first[near], second[near]], axis=1)))
    pairs = _ordered(np.concatenate(found)) if found else np.empty((0, 2), dtype=np.int64)
    return NearPairs(pairs=rows[pairs], all_found=all_found)


def _looks(
    pixels: NDArray[np.uint8], rows: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.float32]]:
    """The difference hash (N,) and the thumbnail (N, values) of each row."""
    hashes, thumbnails = [], []
    size = max(1, _CHUNK_BYTES // pixels[0].nbytes)
    for chunk in np.array_split(rows, max(1, -(-len(rows) // size))):
        images = torch.from_numpy(pixels[chunk]).permute(0, 3, 1, 2)
        # Of bytes, where the images are large: that is many times faster than of floats.
        small = F.interpolate(images, size=(_SIDE, _SIDE), mode="bilinear", antialias=True)
        light = small.float().mean(dim=1, keepdim=True)
        grey = F.interpolate(light, size=(8, 9), mode="bilinear", antialias=True)
        brighter = grey[:, 0, :, 1:] > grey[:, 0, :, :-1]
        hashes.append(np.packbits(brighter.flatten(1).numpy(), axis=1).view(np.uint64)[:, 0])
        small = light.flatten(1)
        # Standardised: a picture made brighter is still the same.
        deviation, mean = torch.std_mean(small, dim=1, keepdim=True, correction=0)
        deviation[deviation < _PLAIN] = torch.nan  # which is near to nothing
        thumbnails.append(((small - mean) / deviation).numpy())
    return np.concatenate(hashes), np.concatenate(thumbnails)


def _alike(thumbnails: NDArray[np.float32], pairs: RowPairs) -> RowPairs:
    """Those of `pairs` whose thumbnails differ little."""
    kept = [pairs[:0]]
    for chunk in np.split(pairs, range(_CHUNK, len(pairs), _CHUNK)):
        difference = np.abs(thumbnails[chunk[:, 0]] - thumbnails[chunk[:, 1]]).mean(axis=1)
        kept.append(chunk[difference <= _TOLERANCE])
    return np.concatenate(kept)


def _ordered(pairs: RowPairs) -> RowPairs:
    return np.unique(np.sort(pairs, axis=1), axis=0).reshape(-1, 2)
