"""Mean and variance behind a 1x1 convolution, told by what goes into it."""

import torch
from torch import Tensor


def rows_of(x: Tensor) -> Tensor:
    """The pixels (N·H·W, C) of feature maps (N, C, H, W): for a 1x1 convolution they are all alike."""
    return x.permute(0, 2, 3, 1).flatten(0, 2)


def pointwise_moments(rows_MC: Tensor, weight_KC: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance (K,) of `rows_MC @ weight_KC.T`, in full precision.

    The convolution is linear, so they follow from mean and covariance of its input: with six times as many
    channels behind it as in front, a sixth of its own work, and no pass over its output.
    """
    with torch.autocast(rows_MC.device.type, enabled=False):
        rows_MC, weight_KC = rows_MC.float(), weight_KC.float()
        mean_C = rows_MC.mean(dim=0)
        # Centred first: the covariance of features far from zero would drown in rounding.
        centred_MC = rows_MC - mean_C
        covariance_CC = centred_MC.T @ centred_MC / len(rows_MC)
        return weight_KC @ mean_C, ((weight_KC @ covariance_CC) * weight_KC).sum(dim=1)
