"""Layers of a traced network, replaced by others that give the same and take less time."""

import torch
from torch import Tensor, fx, nn
from torch.nn.functional import linear

from natv2.nn.moments import average, pointwise_moments, rows_of


class PointwiseConvNorm(nn.Module):
    """A 1x1 convolution and the batch norm after it, computed as one convolution, in training too.

    Mean and variance of what the convolution gives follow from what it takes (`pointwise_moments`), so no
    pass over its output is needed. It holds both layers and is equal to them up to rounding. Under autocast
    it is them: their batch norm centres what the rounded product has moved.
    """

    def __init__(self, convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        self.convolution, self.norm = convolution, norm

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, K, H, W), normalised; in training it updates the running statistics."""
        if not x.is_meta and torch.is_autocast_enabled(x.device.type):
            both: Tensor = self.norm(self.convolution(x))
            return both
        rows_MC = rows_of(x)
        weight_KC, norm = self.convolution.weight.flatten(1), self.norm
        mean_K, variance_K = norm.running_mean, norm.running_var
        if norm.training or mean_K is None or variance_K is None:
            mean_K, variance_K = pointwise_moments(rows_MC, weight_KC)
            average(norm, mean_K, variance_K, len(rows_MC))
        scale_K = norm.weight * torch.rsqrt(variance_K + norm.eps)
        y_MK = linear(rows_MC, weight_KC * scale_K[:, None], norm.bias - mean_K * scale_K)
        return y_MK.view(len(x), *x.shape[2:], -1).permute(0, 3, 1, 2)


def join_norms(module: fx.GraphModule) -> None:
    """Replace, in place, each 1x1 convolution of `module` that only a batch norm follows by both in one."""
    for node in module.graph.nodes:
        convolution = module.get_submodule(str(node.target)) if node.op == "call_module" else None
        users = list(node.users)
        if not _is_pointwise(convolution) or len(users) != 1 or users[0].op != "call_module":
            continue
        norm = module.get_submodule(str(users[0].target))
        if type(norm) is nn.BatchNorm2d and norm.affine:  # a subclass may do more
            assert isinstance(convolution, nn.Conv2d)
            module.set_submodule(str(node.target), PointwiseConvNorm(convolution, norm))
            module.set_submodule(str(users[0].target), nn.Identity())


def _is_pointwise(module: nn.Module | None) -> bool:
    return (
        type(module) is nn.Conv2d
        and module.kernel_size == module.stride == (1, 1)
        and module.padding == (0, 0)
        and module.groups == 1
        and module.bias is None
    )


class GlobalAveragePool(nn.Module):
    """The mean of feature maps over their positions.

    nn.AdaptiveAvgPool2d hands back a gradient that lies in memory in another order than channels-last
    features; the activation after it then takes five times as long (16 x 288 x 28 x 28, one core).
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, 1, 1)."""
        return x.permute(0, 2, 3, 1).flatten(1, 2).mean(dim=1)[:, :, None, None]


def order_pooling(module: fx.GraphModule) -> None:
    """Replace, in place, global average poolings of `module` by GlobalAveragePool."""
    for name, layer in list(module.named_modules()):
        if isinstance(layer, nn.AdaptiveAvgPool2d) and layer.output_size in (1, (1, 1)):
            module.set_submodule(name, GlobalAveragePool())
