"""When an exported file counts as the same network: a row for each kind of precision."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from natv2.export.formats import Precision

FLOAT_TOLERANCE = 1e-4
"""Of the largest logit: how far logits of a float file may be from those of PyTorch."""

ROUNDINGS = 8
"""How many times PyTorch's own rounding they may be from it, where that is more.

Some networks magnify rounding, those that are hardly trained above all. Nothing agrees any better with such a
network than it does with itself.
"""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`exactly`: logits must be within what is `allowed`; `points`: how far top-1 may be (%).

    With `one_image`, that of one image is allowed however few there are.
    """

    exactly: bool = False
    points: float | None = None
    one_image: bool = False


RULES: Mapping[Precision, Rule] = MappingProxyType(
    {
        "float": Rule(exactly=True),
        "fp16": Rule(points=0.1, one_image=True),
        "int8": Rule(points=1.0),
    }
)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """What a file says of prepared images, beside what PyTorch says.

    `rounding` is how far PyTorch's own logits are from those in double precision. `predictions` is the share
    of images that both put into the same class, `sure` that of those among them whose two likeliest classes
    are further apart than both may differ together. Top-1 are fractions, None without labels.
    """

    images: int
    largest_logit: float
    logit_difference: float
    rounding: float
    predictions: float
    sure: float
    top1: float | None
    pytorch_top1: float | None

    @property
    def allowed(self) -> float:
        """How far logits of a float file may be from PyTorch's."""
        return max(FLOAT_TOLERANCE * self.largest_logit, ROUNDINGS * self.rounding)


def compared(
    found: NDArray[np.float32],
    expected: NDArray[np.float32],
    labels: NDArray[np.int64] | None,
    rounding: float = 0.0,
) -> Agreement:
    """How `found` agree with `expected`, both logits (N, classes) of the same images; see `Agreement`."""
    largest = float(np.abs(expected).max())
    same = found.argmax(axis=1) == expected.argmax(axis=1)
    apart = np.sort(expected, axis=1)[:, -2:] if expected.shape[1] > 1 else np.zeros((len(expected), 2))
    sure = apart[:, -1] - apart[:, 0] > 2 * max(FLOAT_TOLERANCE * largest, ROUNDINGS * rounding)
    return Agreement(
        images=len(expected),
        largest_logit=largest,
        logit_difference=_furthest(found, expected),
        rounding=rounding,
        predictions=float(same.mean()),
        sure=float(same[sure].mean()) if sure.any() else 1.0,
        top1=None if labels is None else float((found.argmax(axis=1) == labels).mean()),
        pytorch_top1=None if labels is None else float((expected.argmax(axis=1) == labels).mean()),
    )


def _furthest(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    apart = np.abs(found - expected)
    return float(np.where(np.isnan(apart), np.inf, apart).max())  # what is no number is as far as can be


def objections(agreement: Agreement, precision: Precision) -> Iterator[str]:
    """Why a file of `precision` is not the same network: a sentence each, none where it is."""
    rule = RULES[precision]
    if rule.exactly:
        if not agreement.logit_difference <= agreement.allowed:
            yield f"logits differ by {agreement.logit_difference:.3g}, allowed are {agreement.allowed:.3g}"
        if agreement.sure < 1:
            yield f"of the images that PyTorch is sure of, {1 - agreement.sure:.2%} get another class"
    if rule.points is not None:
        allowed = max(rule.points / 100, 1 / agreement.images if rule.one_image else 0)
        if agreement.top1 is None or agreement.pytorch_top1 is None:
            # Top-1 cannot differ by more than predictions do.
            apart, what = 1 - agreement.predictions, "predictions"
        else:
            apart, what = abs(agreement.top1 - agreement.pytorch_top1), "top-1"
        if not np.isfinite(agreement.logit_difference) or apart > allowed + 1e-9:
            yield f"{what} differ by {100 * apart:.2f} points, allowed are {100 * allowed:.2f}"
