"""Global average pooling whose gradient the layers before it can read in order."""

from torch import Tensor, fx, nn


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
