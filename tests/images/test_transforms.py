"""Crops and sizes against torch's own resizing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from natv2.images import Augmentation
from natv2.images.transforms import normalise, random_boxes, random_crops, resize
from natv2.randomness import torch_generator

WHOLE = torch.tensor([0.0, 0.0, 1.0, 1.0])
SIDES = st.integers(1, 40)


def noise(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, generator=torch_generator(0, "noise"), dtype=torch.uint8)


@settings(max_examples=40, deadline=None)
@given(SIDES, SIDES, st.integers(1, 48))
def test_crop_of_the_whole_image_equals_resizing(height: int, width: int, resolution: int) -> None:
    images = noise(2, 3, height, width)
    torch.testing.assert_close(
        random_crops(images, WHOLE.expand(2, 4), resolution), resize(images, resolution), atol=1e-5, rtol=0
    )


def test_every_image_has_its_own_crop() -> None:
    images = noise(3, 3, 20, 16)
    boxes = random_boxes(3, Augmentation(crop_scale=(0.3, 0.6), flip=True), torch_generator(1))
    together = random_crops(images, boxes, 24)
    alone = torch.cat([random_crops(images[i : i + 1], boxes[i : i + 1], 24) for i in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize("resolution", [6, 48])
def test_crop_is_what_resizing_the_cut_out_pixels_gives_inside(resolution: int) -> None:
    images = noise(1, 3, 48, 48)
    box = torch.tensor([[12 / 48, 6 / 48, 36 / 48, 30 / 48]])
    cropped = random_crops(images, box, resolution)
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
    mirrored = random_crops(images, box[:, [2, 1, 0, 3]], 20)
    torch.testing.assert_close(mirrored, random_crops(images, box, 20).flip(3), atol=1e-5, rtol=0)


def test_shrinking_does_not_alias() -> None:
    # Stripes of one pixel are beyond what 8 pixels can hold: grey is all that may be left.
    stripes = (torch.arange(64) % 2 * 255).to(torch.uint8).expand(1, 3, 64, 64)
    box = torch.tensor([[0.1, 0.1, 0.9, 0.9]])
    for shrunk in (resize(stripes, 8)[..., 1:-1], random_crops(stripes, box, 8)):
        assert (shrunk - 0.5).abs().max() < 0.02


def test_a_crop_shows_the_same_at_two_resolutions() -> None:
    ramp = torch.linspace(0, 1, 32).outer(torch.linspace(0, 1, 32)).expand(4, 3, 32, 32)
    boxes = random_boxes(4, Augmentation(crop_scale=(0.4, 0.8), flip=True), torch_generator(3))
    small, large = random_crops(ramp, boxes, 24), random_crops(ramp, boxes, 48)
    pooled = torch.nn.functional.avg_pool2d(large, 2)
    torch.testing.assert_close(small, pooled, atol=2e-3, rtol=0)
    assert not torch.allclose(small[0], small[1], atol=2e-2)


@settings(max_examples=30, deadline=None)
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


@pytest.mark.parametrize("resolution", [5, 24])
def test_outputs_are_channels_last_floats_in_range(resolution: int) -> None:
    images = noise(4, 3, 8, 8)
    boxes = random_boxes(4, Augmentation(crop_scale=(0.5, 1.0)), torch_generator(0))
    for output in (resize(images, resolution), random_crops(images, boxes, resolution)):
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
    assert torch.equal(normalise(torch.zeros(1, 3, 2, 2), (0.0,) * 3, (0.0,) * 3), torch.zeros(1, 3, 2, 2))
