"""What people give a finished network, as a batch of images."""

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from natv2.errors import UserError
from natv2.images.decode import UnreadableImageError, as_rgb, decode
from natv2.images.levels import Levels, is_deep

Given: TypeAlias = Tensor | NDArray[Any] | Image.Image | list[Any] | tuple[Any, ...]

_FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
_BEYOND = 0.25  # how far resizing by a cubic filter may leave 0..1
_NO_LEVELS = (
    "which of its values are black and white is not known, for this network learned from 8 bits; "
    "convert it to those"
)
_ALLOWED = (
    "a PIL image, a tensor (3, H, W) or (N, 3, H, W), or an array (H, W, 3) or (N, H, W, 3), "
    "of uint8 or of floats in 0..1, is needed"
)


def as_batch(images: Given, levels: Levels | None = None) -> Tensor:
    """`images` as (N, 3, H, W), uint8 or floats in 0..1; one image is a batch of one.

    Channels come first in tensors and last in arrays, if both have 3 of what could be channels. `levels` make
    8 bits of what has more, as they did in a data set: of greys that are whole numbers other than uint8, or
    floats of one channel (H, W); without them such images are refused. Raises UserError on what is none of
    `_ALLOWED`.
    """
    if isinstance(images, Image.Image):
        images = _pixels(images, levels)
    is_tensor = isinstance(images, Tensor)
    tensor = images if isinstance(images, Tensor) else _tensor(images)
    if tensor.layout != torch.strided or tensor.is_meta:
        what = "without values (device meta)" if tensor.is_meta else "that is sparse"
        raise _refusal(f"a tensor {what}")
    batch = _channels_first(tensor, is_tensor, greys=levels is not None)
    if batch is not None and levels is not None and _is_deep(batch):
        return _scaled(batch, levels)
    if batch is None or batch.shape[1] != 3:
        raise _refusal(f"{'a tensor' if is_tensor else 'an array'} of shape {tuple(tensor.shape)}")
    _check_values(batch)
    return batch


def image_of(path: Path, levels: Levels | None = None) -> Tensor:
    """The image in the file at `path`, uint8 (3, H, W); `levels` as in `as_batch`.

    Raises UnreadableImageError where it cannot be read, or has more than 8 bits and there are no `levels`.
    """
    found = decode(path, None, levels)
    if found.extent is not None and levels is None:
        raise UnreadableImageError(f"it has more than 8 bits (mode {found.mode}); {_NO_LEVELS}")
    return torch.from_numpy(found.pixels.copy()).permute(2, 0, 1)


def _pixels(image: Image.Image, levels: Levels | None) -> NDArray[np.uint8]:
    """As the images of a data set are decoded: upright, in colours, on white."""
    if is_deep(image.mode) and levels is None:
        raise UserError(
            f"an image of more than 8 bits (mode {image.mode}) cannot be classified: {_NO_LEVELS}"
        )
    try:
        return np.asarray(as_rgb(ImageOps.exif_transpose(image), levels))
    except Exception as error:  # Pillow reads a file's pixels when they are asked for
        raise UserError(f"the image cannot be read ({' '.join(str(error).split())})") from None


def _channels_first(tensor: Tensor, is_tensor: bool, *, greys: bool) -> Tensor | None:
    """`tensor` as (N, 3, H, W), or (N, 1, H, W) where `greys` will do; None where it has another shape."""
    if greys and tensor.ndim == 2:
        tensor = tensor[None] if is_tensor else tensor[..., None]
    batch = tensor[None] if tensor.ndim == 3 else tensor
    if batch.ndim != 4 or not batch.numel():
        return None
    places = (1, 3) if is_tensor else (3, 1)
    for channels in (3, 1) if greys else (3,):
        for place in places:
            if batch.shape[place] == channels:
                return batch if place == 1 else batch.permute(0, 3, 1, 2)
    return None


def _is_deep(batch: Tensor) -> bool:
    """Whether its values are those of more than 8 bits; floats of three channels are in 0..1 as ever."""
    if batch.dtype in _FLOATS:
        return batch.shape[1] == 1
    return batch.dtype not in (torch.uint8, torch.bool) and not batch.is_complex()


def _scaled(batch: Tensor, levels: Levels) -> Tensor:
    values = batch.detach().to("cpu", torch.float64).numpy()
    if batch.shape[1] == 3 and (values != values[:, :1]).any():
        raise UserError(f"colours of {_dtype(batch)} cannot be classified: give greys, or colours as uint8")
    return torch.from_numpy(levels.to_bytes(values[:, :1])).expand(-1, 3, -1, -1)


def _tensor(array: Any) -> Tensor:
    if not isinstance(array, np.ndarray):
        empty = " that is empty" if array in ([], ()) else ""
        raise _refusal(f"a {type(array).__name__}{empty}")
    try:
        # A copy, which has no steps backwards, may be written to, and has its bytes in this machine's order.
        return torch.from_numpy(array.astype(array.dtype.newbyteorder("=")))
    except TypeError:
        raise _refusal(f"an array of {array.dtype}") from None


def _check_values(batch: Tensor) -> None:
    if batch.dtype == torch.uint8:
        return
    if batch.dtype not in _FLOATS:
        raise _refusal(f"pixels of {_dtype(batch)}")
    low, high = (float(end) for end in torch.aminmax(batch.detach()))
    if not (low >= -_BEYOND and high <= 1 + _BEYOND):  # nor where one of them is no number
        raise UserError(f"floats from {low:g} to {high:g} are no pixels: they must be in 0..1, or be uint8")


def _refusal(found: str) -> UserError:
    return UserError(f"{found} cannot be classified; {_ALLOWED}")


def _dtype(batch: Tensor) -> str:
    return str(batch.dtype).removeprefix("torch.")
