"""Depthwise convolution whose weight gradient is as fast on the CPU as its forward pass."""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d

_INPUT_ONLY = [True, False, False]  # of the gradients of input, weight and bias


class DepthwiseConv2d(nn.Conv2d):
    """Depthwise k x k convolution with padding k // 2, without bias, built on the meta device.

    In training on the CPU its weight gradient is made of matrix products where those are faster: torch
    takes up to 40 times the forward pass for 5x5 and 7x7 kernels on small maps (docs/performance.md).
    """

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        super().__init__(
            channels,
            channels,
            kernel,
            stride=stride,
            padding=kernel // 2,
            groups=channels,
            bias=False,
            device="meta",
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H/stride, W/stride), rounded up."""
        if not (torch.is_grad_enabled() and self.weight.requires_grad and _products_pay(x, self.weight)):
            return super().forward(x)
        result: Tensor = _Depthwise.apply(x, self.weight, int(self.stride[0]))
        return result


def weight_gradient(x: Tensor, gradient: Tensor, kernel: int, stride: int) -> Tensor:
    """Gradient (C, 1, k, k) of depthwise kernels from input (N, C, H, W) and output gradient (N, C, H', W').

    A kernel row sees, for each output row, one input row. Images and rows together are what a product of
    (W', N·rows) and (N·rows, W) sums over, one product a channel; its diagonals are the row's k taps.
    """
    (images, channels, height, width), (rows, columns) = x.shape, gradient.shape[2:]
    padding = kernel // 2
    grad = gradient.permute(1, 2, 0, 3).reshape(channels, rows * images, columns)
    # Rows that a stride steps over apart from each other: what a kernel row sees is then one slice.
    phases = [
        x[:, :, phase::stride].permute(1, 2, 0, 3).reshape(channels, -1, width) for phase in range(stride)
    ]
    taps = _taps(width, columns, kernel, stride, x.device, x.dtype)
    result = x.new_zeros(kernel, channels, kernel)
    for tap in range(kernel):
        first = max(0, -((tap - padding) // stride))
        end = min(rows, (height - 1 + padding - tap) // stride + 1)
        if first >= end:  # this row of the kernel only sees padding
            continue
        row, phase = divmod(first * stride + tap - padding, stride)
        seen = phases[phase][:, row * images : (row + end - first) * images]
        products = torch.bmm(grad[:, first * images : end * images].transpose(1, 2), seen)
        result[tap] = products.view(channels, -1) @ taps
    return result.transpose(0, 1).unsqueeze(1)


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2, groups=x.shape[1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, None]:
        x, weight = ctx.saved_tensors
        size, stride, channels = weight.shape[-1], [ctx.stride] * 2, x.shape[1]
        to_input: Tensor | None = None
        if ctx.needs_input_grad[0]:
            padding, nothing = [size // 2] * 2, [0, 0]
            to_input, _, _ = torch.ops.aten.convolution_backward(
                gradient,
                x,
                weight,
                None,
                stride,
                padding,
                [1, 1],
                False,
                nothing,
                channels,
                _INPUT_ONLY,
            )
        return to_input, weight_gradient(x, gradient, size, ctx.stride), None


def _products_pay(x: Tensor, weight: Tensor) -> bool:
    """Whether matrix products are faster: measured in fp32, and told by the widths of map and kernel."""
    if x.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
        return False
    width, kernel = x.shape[-1], weight.shape[-1]
    return width < kernel or (kernel > 3 and 2 * width <= 5 * kernel)


@cache
def _taps(
    width: int, columns: int, kernel: int, stride: int, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """Which tap of a kernel row an output column reads an input column with: (W'·W, k), zeros and ones."""
    tap = torch.arange(width) - stride * torch.arange(columns)[:, None] + kernel // 2
    return (tap.reshape(-1, 1) == torch.arange(kernel)).to(device, dtype)
