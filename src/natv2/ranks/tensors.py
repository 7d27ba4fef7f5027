"""Tensors on their way to other ranks: their memory as it is, instead of a file for each."""

from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import torch
from torch import Tensor, nn


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Cloudpickle's, quick with the hundreds of small tensors that a supernet has."""

    def reducer_override(self, value: Any) -> Any:
        """How `value` is pickled."""
        if type(value) in (Tensor, nn.Parameter) and _is_plain(value):
            stretch = value.detach().as_strided((value.numel(),), (1,)).view(torch.uint8)
            about = (value.dtype, value.shape, value.stride(), value.requires_grad)
            return _rebuilt, (stretch.numpy().tobytes(), *about, type(value) is nn.Parameter)
        return super().reducer_override(value)


def _is_plain(tensor: Tensor) -> bool:
    """Whether a tensor is a stretch of memory of the CPU that is all its own, in whichever order."""
    if tensor.device.type != "cpu" or tensor.layout != torch.strided or vars(tensor) or tensor.is_complex():
        return False
    size = tensor.numel() * tensor.element_size()
    dense = torch.ops.aten.is_non_overlapping_and_dense(tensor)
    return 0 < size == tensor.untyped_storage().nbytes() and dense and tensor.is_leaf


def _rebuilt(
    memory: bytes,
    dtype: torch.dtype,
    shape: torch.Size,
    stride: tuple[int, ...],
    requires_grad: bool,
    is_parameter: bool,
) -> Tensor:
    # Copied to where torch puts its tensors: kernels may take another way where memory is not aligned.
    flat = torch.frombuffer(bytearray(memory), dtype=dtype).clone()
    tensor = flat.as_strided(shape, stride)
    return nn.Parameter(tensor, requires_grad) if is_parameter else tensor.requires_grad_(requires_grad)
