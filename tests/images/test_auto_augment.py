"""Whole batches against torchvision's own operations on one image at a time."""

from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2

from natv2.images.auto_augment import POLICIES, apply, auto_augment, draw, strength_of
from natv2.randomness import torch_generator

THEIRS: dict[str, Any] = {
    "autoaugment_cifar10": v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10),
    "autoaugment_imagenet": v2.AutoAugment(v2.AutoAugmentPolicy.IMAGENET),
    "randaugment": v2.RandAugment(),
}
POLICY_NAMES = sorted(POLICIES)
LEVELS = {"autoaugment_cifar10": 10, "autoaugment_imagenet": 10, "randaugment": 31}
OPERATIONS = sorted(v2.AutoAugment._AUGMENTATION_SPACE | v2.RandAugment._AUGMENTATION_SPACE)
SPACE: dict[str, Any] = {**v2.RandAugment._AUGMENTATION_SPACE, **v2.AutoAugment._AUGMENTATION_SPACE}


def pictures(count: int, height: int = 20, width: int = 24) -> Tensor:
    """Smooth and noisy, dark and light, so that every operation shows."""
    generator = torch_generator(0, "pictures")
    coarse = torch.rand(count, 3, 4, 4, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    noise = 0.1 * torch.rand(count, 3, height, width, generator=generator)
    return (255 * (0.1 + 0.6 * smooth + noise)).to(torch.uint8).contiguous(memory_format=torch.channels_last)


def theirs(image: Tensor, operation: str, magnitude: float) -> Tensor:
    """Torchvision's operation on `image` (3, H, W) by itself."""
    transform = THEIRS["randaugment"]
    done: Tensor = transform._apply_image_or_video_transform(
        image.contiguous(),
        operation,
        magnitude,
        interpolation=v2.InterpolationMode.NEAREST,
        fill=transform._fill,
    )
    return done


def magnitude_of(operation: str, level: int, levels: int, image: Tensor) -> float:
    magnitudes = SPACE[operation][0](levels, *image.shape[-2:])
    return 0.0 if magnitudes is None else float(magnitudes[level])


@pytest.mark.parametrize("levels", [10, 31])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_operation_is_torchvisions_on_each_image_at_every_level(operation: str, levels: int) -> None:
    images = pictures(3)
    signs = (1, -1) if SPACE[operation][1] else (1,)
    for level in range(levels):
        strength = strength_of(operation, level, levels, *images.shape[2:])
        assert strength == magnitude_of(operation, level, levels, images)
        for sign in signs if level % 3 == 0 else ():
            done = apply(images, operation, sign * strength)
            alone = [theirs(image, operation, sign * strength) for image in images]
            assert torch.equal(done, torch.stack(alone))


@pytest.mark.parametrize("policy", ["autoaugment_cifar10", "autoaugment_imagenet"])
def test_the_sub_policies_are_torchvisions(policy: str) -> None:
    ours = [
        tuple((operation, probability, level) for operation, probability, level in pair)
        for pair in POLICIES[policy].pairs
    ]
    expected = [
        tuple((operation, probability, level or 0) for operation, probability, level in pair)
        for pair in THEIRS[policy]._policies
    ]
    assert ours == expected


def test_rand_augment_draws_two_of_torchvisions_operations_at_its_magnitude() -> None:
    transform, policy = THEIRS["randaugment"], POLICIES["randaugment"]
    assert policy.levels == transform.num_magnitude_bins
    assert {len(pair) for pair in policy.pairs} == {transform.num_ops}
    expected = {(a, b) for a in transform._AUGMENTATION_SPACE for b in transform._AUGMENTATION_SPACE}
    assert len(policy.pairs) == len(expected)
    assert {(first[0], second[0]) for first, second in policy.pairs} == expected
    assert {step[1:] for pair in policy.pairs for step in pair} == {(1.0, transform.magnitude)}


@pytest.mark.parametrize("policy", POLICY_NAMES)
def test_each_image_of_a_batch_gets_the_two_changes_drawn_for_it(policy: str) -> None:
    images = pictures(120)
    done = auto_augment(images, policy, torch_generator(1))
    first, second = draw(POLICIES[policy], len(images), torch_generator(1))
    for image, result, *changes in zip(images, done, first, second, strict=True):
        expected = image
        for operation, level, sign in changes:
            magnitude = magnitude_of(operation, level, LEVELS[policy], image)
            expected = theirs(expected, operation, sign * magnitude)
        assert torch.equal(result, expected)
    changed = (done != images).flatten(1).any(dim=1).float().mean()
    assert changed > 0.6


def test_sub_policies_probabilities_and_directions_come_as_often_as_they_should() -> None:
    count, policy = 50_000, POLICIES["autoaugment_cifar10"]
    first, second = draw(policy, count, torch_generator(2))
    for index, half in enumerate((first, second)):
        seen = Counter((operation, level) for operation, level, _ in half)
        expected: Counter[tuple[str, int]] = Counter()
        for pair in policy.pairs:
            operation, probability, level = pair[index]
            expected[operation, level] += probability / len(policy.pairs)  # type: ignore[assignment]
            expected["Identity", 0] += (1 - probability) / len(policy.pairs)  # type: ignore[assignment]
        for key in seen | expected:
            assert seen[key] / count == pytest.approx(expected[key], abs=0.006)
    rotated = [sign for operation, _, sign in first if operation == "Rotate"]
    assert sum(rotated) / len(rotated) == pytest.approx(0, abs=0.1)
    assert {sign for operation, _, sign in first + second if not SPACE[operation][1]} == {1}
    # Both halves come from one sub-policy: TranslateX 9 follows nothing but Rotate 2.
    assert {a[0] for a, b in zip(first, second, strict=True) if b[:2] == ("TranslateX", 9)} == {
        "Rotate",
        "Identity",
    }
    # ... and whether one is made says nothing about the other.
    both = [(a[0] != "Identity", b[0] != "Identity") for a, b in zip(first, second, strict=True)]
    fourth = sum(p[0][1] * p[1][1] for p in policy.pairs) / len(policy.pairs)
    assert both.count((True, True)) / count == pytest.approx(fourth, abs=0.01)


@pytest.mark.parametrize("policy", POLICY_NAMES)
def test_draws_come_from_the_generator_alone(policy: str) -> None:
    images = pictures(30)
    torch.manual_seed(0)
    state = torch.get_rng_state()
    once = auto_augment(images, policy, torch_generator(5))
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(1)
    assert torch.equal(once, auto_augment(images, policy, torch_generator(5)))
    assert not torch.equal(once, auto_augment(images, policy, torch_generator(6)))


@pytest.mark.parametrize("policy", POLICY_NAMES)
@pytest.mark.parametrize("count", [1, 40])
def test_bytes_in_and_bytes_out_and_the_images_given_stay(policy: str, count: int) -> None:
    images = pictures(count)
    before = images.clone()
    done = auto_augment(images, policy, torch_generator(7))
    assert done.dtype == torch.uint8
    assert done.shape == images.shape
    assert done.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(images, before)
    # Another memory format makes no difference.
    assert torch.equal(done, auto_augment(images.contiguous(), policy, torch_generator(7)))


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(KeyError):
        auto_augment(pictures(1), "svhn", torch_generator(0))
