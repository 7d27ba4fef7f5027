"""AutoAugment and RandAugment: colours and shapes of images varied at random, a whole batch at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby, product
from math import atan, degrees
from types import MappingProxyType

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from natv2.devices import send

_SIGNED = (
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
    "Rotate",
    "Brightness",
    "Color",
    "Contrast",
    "Sharpness",
)
_RAND_OPERATIONS = ("Identity", *_SIGNED, "Posterize", "Solarize", "AutoContrast", "Equalize")
_RAND_LEVEL, _RAND_LEVELS = 9, 31
_LEVELS = 10  # of AutoAugment

# Operation, probability and level of both steps of each sub-policy, from the appendix of Cubuk et al. (2019).
_CIFAR10 = """
    Invert       0.1 0   Contrast     0.2 6
    Rotate       0.7 2   TranslateX   0.3 9
    Sharpness    0.8 1   Sharpness    0.9 3
    ShearY       0.5 8   TranslateY   0.7 9
    AutoContrast 0.5 0   Equalize     0.9 0
    ShearY       0.2 7   Posterize    0.3 7
    Color        0.4 3   Brightness   0.6 7
    Sharpness    0.3 9   Brightness   0.7 9
    Equalize     0.6 0   Equalize     0.5 0
    Contrast     0.6 7   Sharpness    0.6 5
    Color        0.7 7   TranslateX   0.5 8
    Equalize     0.3 0   AutoContrast 0.4 0
    TranslateY   0.4 3   Sharpness    0.2 6
    Brightness   0.9 6   Color        0.2 8
    Solarize     0.5 2   Invert       0.0 0
    Equalize     0.2 0   AutoContrast 0.6 0
    Equalize     0.2 0   Equalize     0.6 0
    Color        0.9 9   Equalize     0.6 0
    AutoContrast 0.8 0   Solarize     0.2 8
    Brightness   0.1 3   Color        0.7 0
    Solarize     0.4 5   AutoContrast 0.9 0
    TranslateY   0.9 9   TranslateY   0.7 9
    AutoContrast 0.9 0   Solarize     0.8 3
    Equalize     0.8 0   Invert       0.1 0
    TranslateY   0.7 9   AutoContrast 0.9 0
"""
_IMAGENET = """
    Posterize    0.4 8   Rotate       0.6 9
    Solarize     0.6 5   AutoContrast 0.6 0
    Equalize     0.8 0   Equalize     0.6 0
    Posterize    0.6 7   Posterize    0.6 6
    Equalize     0.4 0   Solarize     0.2 4
    Equalize     0.4 0   Rotate       0.8 8
    Solarize     0.6 3   Equalize     0.6 0
    Posterize    0.8 5   Equalize     1.0 0
    Rotate       0.2 3   Solarize     0.6 8
    Equalize     0.6 0   Posterize    0.4 6
    Rotate       0.8 8   Color        0.4 0
    Rotate       0.4 9   Equalize     0.6 0
    Equalize     0.0 0   Equalize     0.8 0
    Invert       0.6 0   Equalize     1.0 0
    Color        0.6 4   Contrast     1.0 8
    Rotate       0.8 8   Color        1.0 2
    Color        0.8 8   Solarize     0.8 7
    Sharpness    0.4 7   Invert       0.6 0
    ShearX       0.6 5   Equalize     1.0 0
    Color        0.4 0   Equalize     0.6 0
    Equalize     0.4 0   Solarize     0.2 4
    Solarize     0.6 5   AutoContrast 0.6 0
    Invert       0.6 0   Equalize     1.0 0
    Color        0.6 4   Contrast     1.0 8
    Equalize     0.8 0   Equalize     0.6 0
"""


Operation = tuple[str, float, int]
"""An operation, how probable it is, and its level."""

Change = tuple[str, int, int]
"""An operation, its level, and its direction: -1 or 1."""

_UNCHANGED: Change = ("Identity", 0, 1)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """`pairs` of steps, one of which is drawn for each image; levels are 0..`levels` - 1."""

    pairs: tuple[tuple[Operation, Operation], ...]
    levels: int


def auto_augment(images: Tensor, policy: str, generator: torch.Generator) -> Tensor:
    """`images` uint8 (N, 3, H, W), each changed by two operations of its own; channels-last.

    `policy` is autoaugment_cifar10 or autoaugment_imagenet (Cubuk et al., 2019) or randaugment: two
    operations of magnitude 9 out of 30 (Cubuk et al., 2020). The operations are torchvision's; black
    comes in from outside. All that is drawn comes from `generator`, which is on the CPU. Raises KeyError
    on another policy.
    """
    changes = draw(POLICIES[policy], len(images), generator)
    images = images.contiguous()
    for half in changes:
        images = _changed(images, half, POLICIES[policy].levels)
    return images.contiguous(memory_format=torch.channels_last)


def draw(policy: Policy, count: int, generator: torch.Generator) -> tuple[list[Change], list[Change]]:
    """The first and the second change of each of `count` images."""
    pairs = torch.randint(len(policy.pairs), (count,), generator=generator).tolist()
    chances = torch.rand(2, count, generator=generator).tolist()
    backwards = (torch.rand(2, count, generator=generator) < 0.5).tolist()

    def half(index: int) -> list[Change]:
        steps = [policy.pairs[pair][index] for pair in pairs]
        return [_change(*draws) for draws in zip(steps, chances[index], backwards[index], strict=True)]

    return half(0), half(1)


def apply(images: Tensor, operation: str, strength: float) -> Tensor:
    """`operation` with `strength`, as `strength_of` gives it, on all of `images` uint8 (N, 3, H, W)."""
    return _OPERATIONS[operation](images, strength)


def strength_of(operation: str, level: int, levels: int, height: int, width: int) -> float:
    """The strength of `operation` at `level` of 0..`levels` - 1, before its direction.

    Slopes, pixels, degrees, a change of a factor, bits that stay or a share of 255: Table 6 of Cubuk et
    al. (2019). Zero for operations that have none.
    """
    # Single precision, as torchvision computes them: thresholds lie on whole numbers.
    match operation:
        case "ShearX" | "ShearY":
            ends = (0.0, 0.3)
        case "TranslateX":
            ends = (0.0, 150 / 331 * width)
        case "TranslateY":
            ends = (0.0, 150 / 331 * height)
        case "Rotate":
            ends = (0.0, 30.0)
        case "Brightness" | "Color" | "Contrast" | "Sharpness":
            ends = (0.0, 0.9)
        case "Solarize":
            ends = (1.0, 0.0)
        case "Posterize":
            return float(round(8 - 4 * level / (levels - 1)))
        case _:
            return 0.0
    return float(torch.linspace(*ends, levels)[level])


def _moved(images: Tensor, x: float = 0, y: float = 0) -> Tensor:
    moved: Tensor = F.affine(images, 0.0, [int(x), int(y)], 1.0, [0.0, 0.0])
    return moved


def _sheared(images: Tensor, x: float = 0, y: float = 0) -> Tensor:
    slopes = [degrees(atan(x)), degrees(atan(y))]
    sheared: Tensor = F.affine(images, 0.0, [0, 0], 1.0, slopes, center=[0.0, 0.0])
    return sheared


_OPERATIONS: Mapping[str, Callable[[Tensor, float], Tensor]] = MappingProxyType(
    {
        "Identity": lambda images, strength: images,
        "ShearX": lambda images, strength: _sheared(images, x=strength),
        "ShearY": lambda images, strength: _sheared(images, y=strength),
        "TranslateX": lambda images, strength: _moved(images, x=strength),
        "TranslateY": lambda images, strength: _moved(images, y=strength),
        "Rotate": F.rotate,
        "Brightness": lambda images, strength: F.adjust_brightness(images, 1 + strength),
        "Color": lambda images, strength: F.adjust_saturation(images, 1 + strength),
        "Contrast": lambda images, strength: F.adjust_contrast(images, 1 + strength),
        "Sharpness": lambda images, strength: F.adjust_sharpness(images, 1 + strength),
        "Posterize": lambda images, strength: F.posterize(images, int(strength)),
        "Solarize": lambda images, strength: F.solarize(images, 255 * strength),
        "AutoContrast": lambda images, strength: F.autocontrast(images),
        "Equalize": lambda images, strength: F.equalize(images),
        "Invert": lambda images, strength: F.invert(images),
    }
)


def _change(step: Operation, chance: float, backwards: bool) -> Change:
    operation, probability, level = step
    if chance >= probability:
        return _UNCHANGED
    return operation, level, -1 if backwards and operation in _SIGNED else 1


def _changed(images: Tensor, changes: list[Change], levels: int) -> Tensor:
    """Each of `images` with its own change; those that change alike do so together."""
    order = sorted(range(len(changes)), key=changes.__getitem__)
    groups = [(change, len(list(same))) for change, same in groupby(changes[i] for i in order)]
    at = send(torch.tensor(order), images.device)
    parts = torch.split(images.index_select(0, at), [size for _, size in groups])
    done = []
    for part, ((operation, level, sign), _) in zip(parts, groups, strict=True):
        strength = strength_of(operation, level, levels, *images.shape[2:])
        done.append(apply(part, operation, sign * strength))
    return torch.cat(done).index_select(0, at.argsort())


def _policy(table: str) -> Policy:
    rows = [line.split() for line in table.strip().splitlines()]
    steps = [[(row[i], float(row[i + 1]), int(row[i + 2])) for i in (0, 3)] for row in rows]
    return Policy(pairs=tuple((first, second) for first, second in steps), levels=_LEVELS)


def _rand_augment() -> Policy:
    steps = [(operation, 1.0, _RAND_LEVEL) for operation in _RAND_OPERATIONS]
    return Policy(pairs=tuple(product(steps, steps)), levels=_RAND_LEVELS)


POLICIES: Mapping[str, Policy] = MappingProxyType(
    {
        "autoaugment_cifar10": _policy(_CIFAR10),
        "autoaugment_imagenet": _policy(_IMAGENET),
        "randaugment": _rand_augment(),
    }
)
