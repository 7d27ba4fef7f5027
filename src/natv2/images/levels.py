"""What is black and what is white in images of more than 8 bits: one scale for a whole data set."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_OUTLIERS = 0.1  # percent of an image's pixels at either end that say nothing: hot ones, dead ones
_NO_PIXEL = 1e30  # from which on a number stands for none: formats mark missing pixels by their largest ones
_FAR = 3  # times the range of all others that a mark lies beyond it
_FEW, _SAMPLE = 8, 10_000  # values of which there must be as many, in so many pixels
_BITS = range(8, 17)  # that cameras and scanners count with


class Extent(NamedTuple):
    """Where the values of an image begin and end, and whether they are whole numbers by their type."""

    low: float
    high: float
    whole: bool


class Levels(NamedTuple):
    """The values that become 0 and 255."""

    black: float
    white: float

    def to_bytes(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """`values` of any shape, scaled; what lies beyond is clipped, what is no number is black."""
        known = np.nan_to_num(values.astype(np.float64), nan=self.black, posinf=self.white, neginf=self.black)
        scaled = (known - self.black) * (255 / ((self.white - self.black) or 1))
        return np.rint(scaled).clip(0, 255).astype(np.uint8)

    def __str__(self) -> str:
        return f"{self.black:,g} is black, {self.white:,g} white"


def is_deep(mode: str) -> bool:
    """Whether images of Pillow's `mode` have more than 8 bits: 16 or 32, whole numbers or not."""
    return mode.startswith("I") or mode == "F"


def extent(values: NDArray[Any]) -> Extent:
    """That of an image, but for one pixel in a thousand at either end, and for marks of missing pixels."""
    whole = bool(np.issubdtype(values.dtype, np.integer))
    known = values.ravel() if whole else values[np.abs(values) < _NO_PIXEL]  # nor what is no number
    known = _without_marks(known)
    if not known.size:
        return Extent(0.0, 0.0, whole)
    low = np.percentile(known, _OUTLIERS, method="lower")
    high = np.percentile(known, 100 - _OUTLIERS, method="higher")
    return Extent(float(low), float(high), whole)


def _without_marks(values: NDArray[Any]) -> NDArray[Any]:
    """`values` without the one value at an end that is far from all others, as -9999 or 65535 for no data."""
    if not values.size:
        return values
    for end, sign in ((values.max(), 1.0), (values.min(), -1.0)):
        rest = values[values != end]
        if not rest.size or len(np.unique(rest[:: max(1, rest.size // _SAMPLE)])) < _FEW:
            continue  # few values are all that there are, as in a mask
        low, high = float(rest.min()), float(rest.max())
        gap = float(end) - high if sign > 0 else low - float(end)
        if gap > _FAR * (high - low):
            values = rest
    return values


def common_levels(extents: Iterable[Extent]) -> Levels:
    """One scale for images of these extents (one at least).

    Whole numbers get the bits that they need, 8 to 16: 4,000 is of 12 bits and white is 4,095. Fractions
    up to 1 have white at 1, unless they leave half of that unused. All else has white at its highest
    value, and black at 0, or at its lowest value where that is below.
    """
    lows, highs, whole = zip(*extents, strict=True)
    low, high = min(lows), max(highs)
    if low < 0:
        return Levels(low, high)
    if all(whole):
        fitting = [2**bits - 1 for bits in _BITS if high < 2**bits]
        return Levels(0.0, float(fitting[0]) if fitting else high)
    return Levels(0.0, 1.0 if 0.5 < high <= 1 else high)
