"""Crops and sizes against torch's own resizing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import avg_pool2d
from torchvision.transforms.v2 import functional as vision

from natv2.images.augmentation import Augmentation
from natv2.images.transforms import normalise, padded_crops, random_boxes, render, resize
from natv2.randomness import torch_generator

WHOLE = torch.tensor([0.0, 0.0, 1.0, 1.0])
SIDES = st.integers(1, 40)
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


def noise(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, generator=torch_generator(0, "noise"), dtype=torch.uint8)


def crops(images: Tensor, boxes: Tensor | None, resolution: int) -> Tensor:
    """In 0..1."""
    return render(images, boxes, resolution, (0.0,) * 3, (1.0,) * 3)


@settings(max_examples=60)
@given(SIDES, SIDES, st.integers(1, 48))
def test_a_whole_image_is_resized_and_normalised(height: int, width: int, resolution: int) -> None:
    images = noise(2, 3, height, width)
    expected = resize(images, resolution)
    for boxes in (None, WHOLE.expand(2, 4)):
        torch.testing.assert_close(crops(images, boxes, resolution), expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(
            render(images, boxes, resolution, MEAN, STD), normalise(expected, MEAN, STD), atol=3e-5, rtol=0
        )


def test_whole_images_of_the_size_asked_are_not_resampled() -> None:
    images = noise(2, 3, 24, 24)
    torch.testing.assert_close(crops(images, None, 24), images.float() / 255, atol=1e-7, rtol=0)
    torch.testing.assert_close(
        render(images, None, 24, MEAN, STD), normalise(images.float() / 255, MEAN, STD), atol=2e-6, rtol=0
    )


def naive_crop(image: Tensor, box: Tensor, resolution: int) -> Tensor:
    """One image (3, H, W), one output pixel after another, in double precision from Keys's definition."""

    def kernel(d: float) -> float:
        d = abs(d)
        if d < 1:
            return 1.5 * d**3 - 2.5 * d**2 + 1
        return -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2 if d < 2 else 0.0

    def matrix(start: float, end: float, size: int) -> Tensor:
        step = (end - start) * size / resolution
        wide = max(abs(step), 1.0)
        centres = [start * size + (k + 0.5) * step for k in range(resolution)]
        rows = [[kernel((i + 0.5 - centre) / wide) for i in range(size)] for centre in centres]
        weights = torch.tensor(rows, dtype=torch.float64)
        return weights / weights.sum(dim=1, keepdim=True)

    left, top, right, bottom = box.double().tolist()
    pixels = image.double() / 255
    across, down = matrix(left, right, image.shape[2]), matrix(top, bottom, image.shape[1])
    return (down @ pixels @ across.T).clamp(0, 1).float()


@settings(max_examples=40)
@given(st.integers(2, 30), st.integers(2, 30), st.integers(1, 32), st.floats(0.02, 1), st.integers(0, 99))
def test_crops_are_those_of_one_image_after_another(
    height: int, width: int, resolution: int, low: float, seed: int
) -> None:
    images = noise(3, 3, height, width)
    boxes = random_boxes(3, Augmentation(crop_scale=(low, 1.0), flip=True), torch_generator(seed))
    expected = torch.stack([naive_crop(*pair, resolution) for pair in zip(images, boxes, strict=True)])
    # Single precision places a sample to within a few millionths of a pixel.
    torch.testing.assert_close(crops(images, boxes, resolution), expected, atol=2e-5, rtol=0)
    for i in range(3):
        alone = crops(images[i : i + 1], boxes[i : i + 1], resolution)
        torch.testing.assert_close(alone[0], expected[i], atol=2e-5, rtol=0)


def test_a_large_batch_is_what_its_parts_are() -> None:
    # More pixels than are rendered together.
    images = noise(150, 3, 40, 36)
    boxes = random_boxes(150, Augmentation(crop_scale=(0.5, 1.0), flip=True), torch_generator(4))
    together = render(images, boxes, 44, MEAN, STD)
    parts = [render(images[i : i + 50], boxes[i : i + 50], 44, MEAN, STD) for i in (0, 50, 100)]
    torch.testing.assert_close(together, torch.cat(parts), atol=1e-5, rtol=0)
    planar = render(images.contiguous(), boxes, 44, MEAN, STD)
    strided = render(images.contiguous(memory_format=torch.channels_last), boxes, 44, MEAN, STD)
    assert torch.equal(planar, strided)


@pytest.mark.parametrize("resolution", [6, 48])
def test_crop_is_what_resizing_the_cut_out_pixels_gives_inside(resolution: int) -> None:
    images = noise(1, 3, 48, 48)
    box = torch.tensor([[12 / 48, 6 / 48, 36 / 48, 30 / 48]])
    cropped = crops(images, box, resolution)
    cut = resize(images[:, :, 6:30, 12:36], resolution)
    # Near the edge the crop sees the pixels beyond it, the cut does not.
    inner = slice(resolution // 3, -(resolution // 3))
    torch.testing.assert_close(cropped[..., inner, inner], cut[..., inner, inner], atol=1e-5, rtol=0)
    assert not torch.allclose(
        cropped[..., inner, inner], resize(images, resolution)[..., inner, inner], atol=0.02
    )


def test_swapped_sides_mirror_the_crop() -> None:
    images = noise(1, 3, 15, 15)
    box = torch.tensor([[0.2, 0.1, 0.9, 0.8]])
    mirrored = crops(images, box[:, [2, 1, 0, 3]], 20)
    torch.testing.assert_close(mirrored, crops(images, box, 20).flip(3), atol=1e-5, rtol=0)


def test_shrinking_does_not_alias() -> None:
    # Stripes of one pixel are beyond what 8 pixels can hold: grey is all that may be left.
    stripes = (torch.arange(64) % 2 * 255).to(torch.uint8).expand(1, 3, 64, 64)
    box = torch.tensor([[0.1, 0.1, 0.9, 0.9]])
    for shrunk in (resize(stripes, 8)[..., 1:-1], crops(stripes, box, 8)):
        assert (shrunk - 0.5).abs().max() < 0.02


def test_a_crop_shows_the_same_at_two_resolutions() -> None:
    ramp = torch.linspace(0, 1, 32).outer(torch.linspace(0, 1, 32)).mul(255).round().to(torch.uint8)
    ramp = ramp.expand(4, 3, 32, 32)
    boxes = random_boxes(4, Augmentation(crop_scale=(0.4, 0.8), flip=True), torch_generator(3))
    small, large = crops(ramp, boxes, 24), crops(ramp, boxes, 48)
    pooled = avg_pool2d(large, 2)
    torch.testing.assert_close(small, pooled, atol=2e-3, rtol=0)
    assert not torch.allclose(small[0], small[1], atol=2e-2)


@settings(max_examples=30)
@given(st.floats(0.05, 1), st.floats(0.05, 1), st.booleans(), st.integers(0, 9))
def test_boxes_lie_within_the_image_and_have_the_area_asked(
    a: float, b: float, flip: bool, seed: int
) -> None:
    low, high = min(a, b), max(a, b)
    boxes = random_boxes(200, Augmentation(crop_scale=(low, high), flip=flip), torch_generator(seed))
    width, height = (boxes[:, 2] - boxes[:, 0]), boxes[:, 3] - boxes[:, 1]
    area = width.abs() * height
    assert boxes.min() >= 0
    assert boxes.max() <= 1 + 1e-6
    assert area.min() >= low - 1e-5
    assert area.max() <= high + 1e-5
    assert (width.abs() / height).log().abs().max() <= torch.tensor(4 / 3).log() + 1e-3
    assert bool((width < 0).any()) == flip
    assert (width > 0).any()


def test_boxes_vary_in_everything() -> None:
    boxes = random_boxes(500, Augmentation(crop_scale=(0.5, 1.0)), torch_generator(0))
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    assert areas.mean() == pytest.approx(0.75, abs=0.03)
    assert boxes.std(dim=0).min() > 0.03


@pytest.mark.parametrize("resolution", [5, 8, 24])
def test_outputs_are_channels_last_floats_in_range(resolution: int) -> None:
    images = noise(4, 3, 8, 8)
    boxes = random_boxes(4, Augmentation(crop_scale=(0.5, 1.0)), torch_generator(0))
    for output in (resize(images, resolution), *(crops(images, b, resolution) for b in (boxes, None))):
        assert output.dtype == torch.float32
        assert output.is_contiguous(memory_format=torch.channels_last)
        assert output.min() >= 0
        assert output.max() <= 1
        assert normalise(output, (0.1,) * 3, (0.2,) * 3).is_contiguous(memory_format=torch.channels_last)


def test_floats_and_bytes_give_the_same() -> None:
    images = noise(2, 3, 8, 8)
    assert torch.equal(resize(images, 12), resize(images.float() / 255, 12))
    assert torch.equal(resize(images, 8), images.float() / 255)


def test_normalised_channels_have_the_mean_and_deviation_taken_out() -> None:
    images = torch.rand(6, 3, 9, 9, generator=torch_generator(0)) * torch.tensor([1, 0.5, 0.1]).view(
        1, 3, 1, 1
    )
    mean, std = images.mean(dim=(0, 2, 3)).tolist(), images.std(dim=(0, 2, 3)).tolist()
    output = normalise(images, tuple(mean), tuple(std))
    torch.testing.assert_close(output.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(output.std(dim=(0, 2, 3)), torch.ones(3), atol=1e-5, rtol=0)


@pytest.mark.parametrize("resolution", [2, 3])
def test_a_channel_that_never_varies_stays_zero(resolution: int) -> None:
    blank = torch.zeros(1, 3, 2, 2, dtype=torch.uint8)
    expected = torch.zeros(1, 3, resolution, resolution)
    assert torch.equal(normalise(resize(blank, resolution), (0.0,) * 3, (0.0,) * 3), expected)
    assert torch.equal(render(blank, None, resolution, (0.0,) * 3, (0.0,) * 3), expected)


@settings(max_examples=30)
@given(SIDES, SIDES, st.integers(0, 6), st.integers(0, 99))
def test_padded_crops_are_torchvisions(height: int, width: int, pad: int, seed: int) -> None:
    images = noise(5, 3, height, width)
    cut = padded_crops(images, pad, torch_generator(seed))
    assert cut.is_contiguous(memory_format=torch.channels_last)
    padded = vision.pad(images, [pad])
    offsets = [(top, left) for top in range(2 * pad + 1) for left in range(2 * pad + 1)]
    for before, after in zip(padded, cut, strict=True):
        assert any(torch.equal(vision.crop(before, *o, height, width), after) for o in offsets)


def test_padded_crops_come_from_everywhere() -> None:
    # One bright pixel in the middle shows how far each image was moved.
    images = torch.zeros(3000, 3, 9, 9, dtype=torch.uint8)
    images[:, :, 4, 4] = 255
    cut = padded_crops(images, 2, torch_generator(0))
    rows, columns = cut[:, 0].nonzero()[:, 1:].T
    counts = torch.bincount(9 * rows + columns, minlength=81).view(9, 9)
    assert counts.sum() == 3000
    assert counts[2:7, 2:7].min() > 80
    assert counts[2:7, 2:7].sum() == 3000
    assert torch.equal(cut, padded_crops(images, 2, torch_generator(0)))
    assert not torch.equal(cut, padded_crops(images, 2, torch_generator(1)))
