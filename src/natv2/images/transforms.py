"""Resizing, cropping, mirroring and normalising whole batches, on the device they are on."""

import torch
import torch.nn.functional as F
from torch import Tensor

from natv2.images.image_set import Augmentation, Channels

_MAX_ASPECT = 4 / 3


def resize(images: Tensor, resolution: int) -> Tensor:
    """`images` (N, 3, H, W) as squares of `resolution` pixels a side, bicubic and antialiased.

    uint8 images are scaled to 0..1, float ones are there already; gives float32 in 0..1,
    channels-last.
    """
    resized = F.interpolate(
        _as_floats(images).contiguous(memory_format=torch.channels_last),
        size=(resolution, resolution),
        mode="bicubic",
        antialias=True,
    )
    return resized.clamp(0, 1).contiguous(memory_format=torch.channels_last)


def random_boxes(count: int, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """`count` crops (left, top, right, bottom) as shares of an image's sides; float32 (count, 4), on the CPU.

    Area uniform in `crop_scale`, aspect ratio log-uniform within 3/4..4/3 as far as the crop stays
    within the image. Where left is beyond right, the crop is mirrored.
    """
    area, aspect, x, y, side = torch.rand(5, count, generator=generator)
    low, high = augmentation.crop_scale
    area = low + (high - low) * area
    # A crop of aspect r and area a has sides sqrt(a * r) and sqrt(a / r): both at most 1 for r in a..1/a.
    limit = torch.clamp(1 / area, max=_MAX_ASPECT)
    aspect = limit ** (2 * aspect - 1)
    width, height = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
    left, top = x * (1 - width), y * (1 - height)
    right, bottom = left + width, top + height
    if augmentation.flip:
        left, right = torch.where(side < 0.5, right, left), torch.where(side < 0.5, left, right)
    return torch.stack([left, top, right, bottom], dim=1)


def random_crops(images: Tensor, boxes: Tensor, resolution: int) -> Tensor:
    """The crop `boxes[i]` of `images[i]`, resized as `resize` does, every image with a box of its own.

    `images` (N, 3, H, W) uint8, or float in 0..1; `boxes` (N, 4) as `random_boxes` gives them. With
    boxes of 0, 0, 1, 1 it gives what `resize` gives. Float32 in 0..1, channels-last.
    """
    # Antialiased bicubic resizing is separable and linear: a matrix for each image and side. Unlike
    # sampling on a grid it widens the filter by each crop's own scale, so shrinking does not alias.
    _, channels, height, width = images.shape
    boxes = boxes.to(images.device)
    across = _resizing_matrices(boxes[:, 0], boxes[:, 2], width, resolution)
    down = _resizing_matrices(boxes[:, 1], boxes[:, 3], height, resolution)
    columns = _as_floats(images).permute(0, 3, 2, 1).reshape(-1, width, height * channels)
    cropped = torch.bmm(across, columns).view(-1, resolution, height, channels)
    rows = cropped.transpose(1, 2).reshape(-1, height, resolution * channels)
    cropped = torch.bmm(down, rows).view(-1, resolution, resolution, channels)
    return cropped.clamp(0, 1).permute(0, 3, 1, 2)


def normalise(images: Tensor, mean: Channels, std: Channels) -> Tensor:
    """`images` (N, 3, R, R) in 0..1, less `mean` and divided by `std` in each channel."""
    shape = (1, 3, 1, 1)
    # A channel that never varies (a blank data set) stays 0 and does not become NaN.
    scale = [deviation or 1.0 for deviation in std]
    return (images - images.new_tensor(mean).view(shape)) / images.new_tensor(scale).view(shape)


def _as_floats(images: Tensor) -> Tensor:
    return images.float() / 255 if images.dtype == torch.uint8 else images.float()


def _resizing_matrices(start: Tensor, end: Tensor, size: int, resolution: int) -> Tensor:
    """Rows of weights (N, resolution, size) over `size` pixels that resample each start..end."""
    scale = (end - start)[:, None] * (size / resolution)
    steps = torch.arange(resolution, device=start.device) + 0.5
    centres = start[:, None] * size + steps * scale
    pixels = torch.arange(size, device=start.device) + 0.5
    stretch = scale.abs().clamp(min=1)
    weights = _cubic((pixels - centres[:, :, None]) / stretch[:, :, None])
    return weights / weights.sum(dim=2, keepdim=True)


def _cubic(distance: Tensor) -> Tensor:
    """Keys's cubic convolution kernel with a = -1/2 (Keys, 1981), as antialiased resizing has it."""
    d = distance.abs()
    near = (1.5 * d - 2.5) * d * d + 1
    far = ((-0.5 * d + 2.5) * d - 4) * d + 2
    return torch.where(d < 1, near, torch.where(d < 2, far, 0.0))
