"""What people give a finished network, as a batch of images."""

from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from natv2.errors import UserError
from natv2.images.decode import as_rgb

Given: TypeAlias = Tensor | NDArray[Any] | Image.Image | list[Any] | tuple[Any, ...]

_FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
_BEYOND = 0.25  # how far resizing by a cubic filter may leave 0..1
_ALLOWED = (
    "a PIL image, a tensor (3, H, W) or (N, 3, H, W), or an array (H, W, 3) or (N, H, W, 3), "
    "of uint8 or of floats in 0..1, is needed"
)


def as_batch(images: Given) -> Tensor:
    """`images` as (N, 3, H, W), uint8 or floats in 0..1; one image is a batch of one.

    Channels come first in tensors and last in arrays, if both have 3 of what could be channels. Raises
    UserError on what is none of `_ALLOWED`.
    """
    if isinstance(images, Image.Image):
        images = _pixels(images)
    is_tensor = isinstance(images, Tensor)
    tensor = images if isinstance(images, Tensor) else _tensor(images)
    batch = tensor[None] if tensor.ndim == 3 else tensor
    if batch.ndim != 4 or 3 not in (batch.shape[1], batch.shape[3]) or not batch.numel():
        raise _refusal(f"{'a tensor' if is_tensor else 'an array'} of shape {tuple(tensor.shape)}")
    _check_values(batch)
    likelier, other = (1, 3) if is_tensor else (3, 1)
    channels = likelier if batch.shape[likelier] == 3 else other
    return batch if channels == 1 else batch.permute(0, 3, 1, 2)


def _pixels(image: Image.Image) -> NDArray[np.uint8]:
    """As the images of a data set are decoded: upright, in colours, on white."""
    try:
        return np.asarray(as_rgb(ImageOps.exif_transpose(image)))
    except Exception as error:  # Pillow reads a file's pixels when they are asked for
        raise UserError(f"the image cannot be read ({' '.join(str(error).split())})") from None


def _tensor(array: Any) -> Tensor:
    if not isinstance(array, np.ndarray):
        empty = " that is empty" if array in ([], ()) else ""
        raise _refusal(f"a {type(array).__name__}{empty}")
    try:
        return torch.from_numpy(array.copy())  # which has no steps backwards, and may be written to
    except TypeError:
        raise _refusal(f"an array of {array.dtype}") from None


def _check_values(batch: Tensor) -> None:
    if batch.dtype == torch.uint8:
        return
    if batch.dtype not in _FLOATS:
        raise _refusal(f"pixels of {str(batch.dtype).removeprefix('torch.')}")
    low, high = (float(end) for end in torch.aminmax(batch.detach()))
    if not (low >= -_BEYOND and high <= 1 + _BEYOND):  # nor where one of them is no number
        raise UserError(f"floats from {low:g} to {high:g} are no pixels: they must be in 0..1, or be uint8")


def _refusal(found: str) -> UserError:
    return UserError(f"{found} cannot be classified; {_ALLOWED}")
