"""Cropping, resizing, mirroring and normalising whole batches, on the device they are on."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from natv2.devices import send
from natv2.images.augmentation import Augmentation
from natv2.images.datasets import Channels

_MAX_ASPECT = 4 / 3
_CHUNK_PIXELS = 2**17  # rendered together on a CPU: what lies in between stays in its cache


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


def prepare(images: Tensor, resolution: int, mean: Channels, std: Channels) -> Tensor:
    """Images (N, 3, H, W) as a network takes them that was trained here: uint8, or floats in 0..1."""
    if images.dtype == torch.uint8:  # as in training, to the last bit
        return render(images, None, resolution, mean, std)
    return normalise(resize(images, resolution), mean, std)


def normalise(images: Tensor, mean: Channels, std: Channels) -> Tensor:
    """`images` (N, 3, R, R) in 0..1, less `mean` and divided by `std` in each channel."""
    shape = (1, 3, 1, 1)
    return (images - images.new_tensor(mean).view(shape)) / images.new_tensor(_scales(std)).view(shape)


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


def padded_crops(images: Tensor, pad: int, generator: torch.Generator) -> Tensor:
    """A random cut of the old size from each of `images` with `pad` black pixels added on every side.

    uint8 (N, 3, H, W), channels-last; whole pixels, as torchvision's RandomCrop(size, padding=pad).
    """
    count, channels, height, width = images.shape
    left, top = send(torch.randint(2 * pad + 1, (2, count), generator=generator), images.device)
    # Every cut there is, as a view: a stretch of W * C values in each of H neighbouring rows.
    rows = F.pad(images.permute(0, 2, 3, 1), (0, 0, pad, pad, pad, pad)).flatten(2)
    cuts = rows.unfold(1, height, 1).unfold(2, width * channels, channels)
    cut = cuts[torch.arange(count, device=images.device), top, left]
    return cut.contiguous().view(count, height, width, channels).permute(0, 3, 1, 2)


def render(images: Tensor, boxes: Tensor | None, resolution: int, mean: Channels, std: Channels) -> Tensor:
    """The crop `boxes[i]` of `images[i]`, resized as `resize` does, then normalised as `normalise` does.

    `images` uint8 (N, 3, H, W); `boxes` (N, 4) as `random_boxes` gives them, None for whole images.
    Gives float32 (N, 3, resolution, resolution), channels-last.
    """
    # Antialiased bicubic resizing is separable and linear: weighted sums of whole columns, then of whole
    # rows, each image with its own weights. Unlike sampling on a grid it widens the filter by each crop's
    # own scale, so shrinking does not alias.
    count, channels, height, width = images.shape
    device = images.device
    scale = torch.tensor(_scales(std)).mul_(255).reciprocal_()
    shift = torch.tensor(mean).mul_(-255).mul_(scale)
    scale, shift = (send(values, device).repeat(resolution) for values in (scale, shift))
    rows = images.permute(0, 2, 3, 1).reshape(count, height, width * channels)
    if boxes is None and height == width == resolution:
        rendered = torch.addcmul(shift, rows, scale)
        return rendered.view(count, resolution, resolution, channels).permute(0, 3, 1, 2)
    if boxes is None:
        boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0]])  # the same filters for all images
    across = _filters(boxes[:, 0], boxes[:, 2], width, resolution, count, device)
    down = _filters(boxes[:, 1], boxes[:, 3], height, resolution, count, device)
    rendered = torch.empty(count, resolution, resolution * channels, device=device)
    chunk = max(1, _CHUNK_PIXELS // max(height * width, resolution**2)) if device.type == "cpu" else count
    for start in range(0, count, chunk):
        part = slice(start, start + chunk)
        columns = rows[part].transpose(1, 2).to(torch.float32, memory_format=torch.contiguous_format)
        columns = _weighted_sums(columns.view(-1, width, channels * height), across[0][part], across[1][part])
        cut = columns.view(-1, resolution * channels, height).transpose(1, 2).contiguous()
        cut = _weighted_sums(cut, down[0][part], down[1][part]).clamp_(0, 255)
        torch.addcmul(shift, cut, scale, out=rendered[part])
    return rendered.view(count, resolution, resolution, channels).permute(0, 3, 1, 2)


def _filters(
    start: Tensor, end: Tensor, size: int, resolution: int, count: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Which of `size` pixels, and with what weights, make each of `resolution` samples of start..end.

    Both (count, resolution, taps), on `device`, whether there is one start and end or `count` of them.
    """
    # Where boxes are on the CPU, no wait for the device is needed.
    widest = max(1.0, float((end - start).abs().max()) * size / resolution)
    taps = min(size, math.ceil(4 * widest) + 1)
    start, end = send(start, device)[:, None], send(end, device)[:, None]
    scale = (end - start) * (size / resolution)
    stretch = scale.abs().clamp(min=1)
    centres = start * size - 0.5 + (torch.arange(resolution, device=device) + 0.5) * scale
    first = (centres - 2 * stretch).floor_().clamp_(0, size - taps)
    offsets = torch.arange(taps, device=device)
    distance = ((first - centres)[:, :, None] + offsets).div_(stretch[:, :, None])
    weights = _cubic(distance)
    weights /= weights.sum(dim=2, keepdim=True)
    indices = first.long()[:, :, None] + offsets
    return indices.expand(count, -1, -1), weights.expand(count, -1, -1)


def _weighted_sums(rows: Tensor, indices: Tensor, weights: Tensor) -> Tensor:
    """Sums (N, R, D) over taps of `rows` (N, S, D); `indices` and `weights` (N, R, taps), a set an image."""
    count, size, values = rows.shape
    first = torch.arange(0, count * size, size, device=rows.device)
    bags = (indices + first[:, None, None]).flatten(0, 1)
    sums = F.embedding_bag(bags, rows.flatten(0, 1), per_sample_weights=weights.flatten(0, 1), mode="sum")
    return sums.view(count, -1, values)


def _scales(std: Channels) -> list[float]:
    # A channel that never varies (a blank data set) stays 0 and does not become NaN.
    return [deviation or 1.0 for deviation in std]


def _as_floats(images: Tensor) -> Tensor:
    return images.float() / 255 if images.dtype == torch.uint8 else images.float()


def _cubic(distance: Tensor) -> Tensor:
    """Keys's cubic convolution kernel with a = -1/2 (Keys, 1981), as antialiased resizing has it."""
    d = distance.abs()
    # His two pieces as sums of one that ends at distance 2 and one that ends at 1.
    far, near = (2 - d).clamp_(min=0), (1 - d).clamp_(min=0)
    return far.square().mul_(far - 1).mul_(0.5).add_(near.square().mul_(1 - 2 * near))
