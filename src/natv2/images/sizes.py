"""How large images are, from the headers of some, and how large they are kept."""

from statistics import median

import numpy as np

from natv2.images.decode import image_size
from natv2.images.listing import Listing

_SAMPLED = 1000  # headers that are read before it is known how large images are


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


def _sampled_sizes(listing: Listing) -> list[tuple[int, int] | None]:
    if isinstance(listing.samples, np.ndarray):
        return [(listing.samples.shape[2], listing.samples.shape[1])]
    every = max(1, len(listing) // _SAMPLED)
    return [image_size(path) for path in listing.samples[::every]]
