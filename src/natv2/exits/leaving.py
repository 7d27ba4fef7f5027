"""Inference that stops early: an image leaves at the first exit whose answer is sure enough."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from natv2.errors import UserError


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
