"""Inference that stops early: an image leaves at the first exit whose answer is sure enough."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from natv2.errors import UserError

logger = logging.getLogger("natv2")

_STEPS = 200  # shares of leaving images that are tried


@dataclass(frozen=True, kw_only=True)
class Stopping:
    """The confidence at each exit from which on an image leaves there; the last exit's is 0."""

    thresholds: tuple[float, ...]


def running_ensembles(logits_ENC: Tensor, weights: Sequence[float]) -> Tensor:
    """What the ensemble says at each exit, of the exits up to it: (exits, images, classes).

    The mean of the logits so far, weighted by β: at the last exit the full ensemble's.
    """
    beta = torch.tensor(weights, dtype=logits_ENC.dtype)
    sums = (beta[:, None, None] * logits_ENC).cumsum(dim=0)
    return sums / beta.cumsum(dim=0)[:, None, None]


def confidence(logits: Tensor) -> Tensor:
    """The probability of the likeliest class."""
    return logits.softmax(dim=-1).amax(dim=-1)


def stopped(
    logits_ENC: Tensor, weights: Sequence[float], stopping: Stopping
) -> tuple[Tensor, NDArray[np.int64]]:
    """The logits (images, classes) that images leave with, and at which of the exits, counted from 0."""
    running_ENC = running_ensembles(logits_ENC, weights)
    sure_EN = confidence(running_ENC) >= torch.tensor(stopping.thresholds)[:, None]
    left = sure_EN.int().argmax(dim=0)  # the first exit at which an image is sure
    return running_ENC[left, torch.arange(len(left))], left.numpy()


def common_threshold(sure_EN: Tensor, shares: Sequence[float]) -> Tensor:
    """The one confidence from which on images leave before the last exit, for so large `shares` of them.

    `sure_EN` (..., exits, images) is how sure the running ensembles are of some images: (..., shares).
    """
    early = sure_EN[..., :-1, :].amax(dim=-2).sort(dim=-1, descending=True).values
    falling = torch.cat([early, torch.zeros_like(early[..., :1])], dim=-1)
    counts = torch.tensor([max(1, round(share * early.shape[-1])) for share in shares])
    # Between two images, so that rounding sends neither the other way.
    return (falling[..., counts - 1] + falling[..., counts]) / 2


def leaving(sure_EN: Tensor, thresholds: Tensor) -> Tensor:
    """The exit, from 0, at which each image leaves by a common threshold: (..., thresholds, images)."""
    *before, exits, images = sure_EN.shape
    left = torch.full((*before, thresholds.shape[-1], images), exits - 1)
    for exit in reversed(range(exits - 1)):
        left.masked_fill_(sure_EN[..., None, exit, :] >= thresholds[..., None], exit)
    return left


def cross_fitted(sure_EN: Tensor, shares: Sequence[float]) -> Tensor:
    """Where each image leaves, as in `leaving`, by the threshold that the other half of the images gives.

    Every second image is of one half: (..., shares, images). One image alone is its own other half.
    """
    halves = [sure_EN[..., start::2] for start in (0, 1)]
    others = halves[::-1] if sure_EN.shape[-1] > 1 else halves
    left = torch.empty((*sure_EN.shape[:-2], len(shares), sure_EN.shape[-1]), dtype=torch.int64)
    for start, (own, other) in enumerate(zip(halves, others, strict=True)):
        if own.shape[-1]:
            left[..., start::2] = leaving(own, common_threshold(other, shares))
    return left


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


class UpToExit(nn.Module):
    """What a network computes for images that leave at one of its exits, the `number`-th of those it has."""

    def __init__(self, network: nn.Module, number: int) -> None:
        super().__init__()
        self.network, self.number = network, number

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map images (N, 3, R, R) to logits (N, classes) of each exit up to that one."""
        outputs: Callable[[Tensor], Iterator[Tensor]] = self.network.outputs  # type: ignore[assignment]
        return tuple(islice(outputs(x), self.number))


class EarlyStopping(nn.Module):
    """A multi-exit network whose forward pass of one image ends at the first exit that is sure.

    The `outputs` of `network` compute its exits one after the other, when they are asked for: what lies after
    that exit is not computed. `weights` are the β of its exits.
    """

    def __init__(self, network: nn.Module, stopping: Stopping, weights: Sequence[float]) -> None:
        super().__init__()
        self.network, self.stopping, self.weights = network, stopping, tuple(weights)

    def forward(self, x: Tensor) -> Tensor:
        """Map an image (1, 3, R, R) to logits (1, classes)."""
        return self.decide(x)[0]

    def decide(self, x: Tensor) -> tuple[Tensor, int]:
        """Logits (1, classes) of an image (1, 3, R, R), and the exit that it left at, counted from 0.

        Raises UserError on several images: each would leave at its own exit.
        """
        if len(x) != 1:
            raise UserError(f"{len(x)} images cannot stop early together; one at a time is allowed")
        outputs: Callable[[Tensor], Iterator[Tensor]] = self.network.outputs  # type: ignore[assignment]
        total, weight = torch.zeros(()), 0.0
        logits, last = x, len(self.weights) - 1
        for number, output in enumerate(outputs(x)):
            total = total.to(output.device) + self.weights[number] * output
            weight += self.weights[number]
            logits = total / weight
            if number == last or confidence(logits).item() >= self.stopping.thresholds[number]:
                break
        return logits, number
