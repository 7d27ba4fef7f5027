"""What leaving early costs and gives on validation images, and which thresholds to take."""

import logging
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from natv2.errors import UserError
from natv2.exits.leaving import Stopping, confidence, running_ensembles, stopped

logger = logging.getLogger("natv2")

_STEPS = 200  # shares of leaving images that are tried


def stopping_curve(
    logits_ENC: Tensor, labels: Tensor, weights: Sequence[float], costs: NDArray[np.float64]
) -> pd.DataFrame:
    """What leaving early costs and gives on validation images: from all at the first exit to none.

    A row for each way to divide the images: mean_cost, top1 (a fraction), share_1, ... of images that leave
    at each exit, threshold_1, .... `costs` (exits,) are those of an image that leaves at each exit. Shares
    are proportional to q^exit with one q, thresholds quantiles of confidence, exit after exit (Huang et al.,
    2018, section 4.2, budgeted batches).
    """
    rows = []
    surest = confidence(running_ensembles(logits_ENC, weights)).numpy()
    for wanted in _shares(len(logits_ENC)):
        stopping = Stopping(thresholds=_thresholds(surest, wanted))
        logits, left = stopped(logits_ENC, weights, stopping)
        row = {"mean_cost": float(costs[left].mean())}
        row["top1"] = float((logits.argmax(dim=1) == labels).double().mean())
        row |= {f"share_{exit}": float((left == exit - 1).mean()) for exit in range(1, len(wanted) + 1)}
        row |= {f"threshold_{exit}": t for exit, t in enumerate(stopping.thresholds, start=1)}
        rows.append(row)
    return pd.DataFrame(rows).sort_values("mean_cost", kind="stable", ignore_index=True)


def check_mean_cost(costs: NDArray[np.float64], share: float | None) -> None:
    """Raise UserError where images that all leave at the first exit cost more than `share` of the last's.

    `costs` (exits,) are those of an image that leaves at each exit: nothing needs to be trained for it.
    """
    if share is not None and share < (least := costs[0] / costs[-1]):
        raise UserError(
            f"aep.stopping.mean_cost {share:g} cannot be had; the first exit takes {least:.3f} of all MACs"
        )


def choose_stopping(
    curve: pd.DataFrame, *, mean_cost: float | None = None, accuracy: float | None = None
) -> tuple[Stopping, int]:
    """The most accurate row of a `stopping_curve` within `mean_cost`, or the cheapest that has `accuracy`.

    Gives its thresholds and its number. Where no row has the accuracy, the most that one has is taken, with
    a warning: the network is trained by then. Raises UserError where no row is as cheap as `mean_cost`.
    """
    if (mean_cost is None) == (accuracy is None):
        raise ValueError("either mean_cost or accuracy is needed")
    if mean_cost is not None:
        fits = curve[curve["mean_cost"] <= mean_cost]
        if fits.empty:
            least = curve["mean_cost"].min()
            raise UserError(f"a mean cost of {mean_cost:.4g} MACs cannot be had; the least is {least:.4g}")
        best = fits.sort_values(["top1", "mean_cost"], ascending=[False, True], kind="stable")
        row = best.index.tolist()[0]
    else:
        most = float(curve["top1"].max())
        if accuracy is not None and most < accuracy:
            logger.warning(
                "a validation top-1 of %g cannot be had: it is calibrated for %.4f", accuracy, most
            )
            accuracy = most
        fits = curve[curve["top1"] >= accuracy]
        row = fits.sort_values("mean_cost", kind="stable").index.tolist()[0]
    thresholds = curve.filter(like="threshold_").loc[row].tolist()
    return Stopping(thresholds=tuple(thresholds)), row


def _shares(exits: int) -> Iterator[NDArray[np.float64]]:
    """Shares of images that leave at each exit: all at the first, geometric ones, all at the last."""
    identity = np.eye(exits)
    yield identity[0]
    for exponent in np.linspace(-6, 6, _STEPS):
        powers = np.exp(exponent * np.arange(exits))
        yield powers / powers.sum()
    yield identity[-1]


def _thresholds(surest_EN: NDArray[np.float32], shares: NDArray[np.float64]) -> tuple[float, ...]:
    """The confidences that let `shares` of the images leave at each exit, the surest first."""
    here = np.ones(surest_EN.shape[1], bool)
    thresholds = []
    for sure, share in zip(surest_EN[:-1], shares, strict=False):
        count = min(round(share * len(here)), int(here.sum()))
        # Between two images, so that rounding sends neither the other way; nobody is surer than 1.
        falling = np.append(np.sort(sure[here])[::-1], 0.0)
        threshold = float(falling[count - 1] + falling[count]) / 2 if count else 2.0
        thresholds.append(threshold)
        here &= sure < threshold
    return (*thresholds, 0.0)
