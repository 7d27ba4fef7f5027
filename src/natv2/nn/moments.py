"""Means and variances for batch norms, without the passes over memory that these make themselves."""

import torch
from torch import Tensor, nn


def rows_of(x: Tensor) -> Tensor:
    """The pixels (N·H·W, C) of feature maps (N, C, H, W): for a 1x1 convolution they are all alike."""
    return x.permute(0, 2, 3, 1).flatten(0, 2)


@torch.no_grad()
def average(norm: nn.BatchNorm2d, mean_C: Tensor, variance_C: Tensor, count: int) -> None:
    """Average a batch's mean and biased variance into those `norm` keeps, if any, as torch does in training.

    `count` is of the values each of them comes from.
    """
    kept_mean, kept_variance, batches = norm.running_mean, norm.running_var, norm.num_batches_tracked
    if not (norm.training and norm.track_running_stats):
        return
    assert kept_mean is not None and kept_variance is not None and batches is not None
    batches.add_(1)
    share = 1 / int(batches) if norm.momentum is None else norm.momentum
    kept_mean.lerp_(mean_C.to(kept_mean.dtype), share)
    unbiased_C = variance_C * (count / max(1, count - 1))
    kept_variance.lerp_(unbiased_C.to(kept_variance.dtype), share)


def pointwise_moments(rows_MC: Tensor, weight_KC: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance (K,) of `rows_MC @ weight_KC.T`, without that product; not for bf16.

    The convolution is linear, so they follow from mean and covariance of its input: with six times as many
    channels after it as before, a sixth of its own work, and no pass over its output. Raises ValueError
    for one row, as torch's batch norm does.
    """
    if len(rows_MC) == 1:
        raise ValueError(f"expected more than 1 value per channel in training, got {tuple(rows_MC.shape)}")
    mean_C = rows_MC.mean(dim=0)
    # Centred first: the covariance of features far from zero would drown in rounding.
    centred_MC = rows_MC - mean_C
    covariance_CC = centred_MC.T @ centred_MC / len(rows_MC)
    variance_K = ((weight_KC @ covariance_CC) * weight_KC).sum(dim=1)
    return weight_KC @ mean_C, variance_K.clamp(min=0)  # where nothing varies, rounding goes below
