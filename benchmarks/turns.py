"""What benchmarks of two sides share: these take turns in one process, and the ratio of each pair counts."""

import time
from collections.abc import Callable, Sequence
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.configs import parameters
from natv2.images.augmentation import Augmentation
from natv2.images.image_set import ImageSet, ImageSplits
from natv2.randomness import numpy_generator
from natv2.shrinking.phases import sample
from natv2.spaces.architecture import Architecture
from natv2.spaces.choices import Choices
from natv2.spaces.design import Design
from natv2.supernets.network import Network
from natv2.training.loop import backward
from natv2.training.optimiser import make_optimiser

CLASSES = 200

Side = Callable[[], float]
"""Does once what is compared, and gives the seconds that took."""

Times = tuple[list[float], list[float]]
"""The seconds of both sides, pair by pair."""


def clock() -> float:
    """Seconds; a GPU has done by then what it was given to do."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def timed(work: Callable[[], object]) -> Side:
    """A side that does `work`."""

    def side() -> float:
        start = clock()
        work()
        return clock() - start

    return side


def in_turns(pairs: Sequence[tuple[Side, Side]], rounds: int) -> list[Times]:
    """The times of each of `pairs` in `rounds` rounds after one that warms up, each side as often first."""
    times: list[Times] = [([], []) for _ in pairs]
    for turn in range(-1, rounds):
        for index, pair in enumerate(pairs):
            for side in (0, 1) if (turn + index) % 2 else (1, 0):
                seconds = pair[side]()
                if turn >= 0:
                    times[index][side].append(seconds)
    return times


def summary(times: Sequence[Times]) -> str:
    """Ratios of the first side to the second: of pairs, and of what all medians are together."""
    ratios = [first / second for both in times for first, second in zip(*both, strict=True)]
    first, second = (sum(median(both[side]) for both in times) for side in (0, 1))
    return (
        f"{len(ratios)} pairs, median ratio {median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}); "
        f"of the summed medians {first / second:.3f}"
    )


def training_step(
    module: nn.Module, logits: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor
) -> Side:
    """A step that trains `module`: forward, backward and the optimiser's."""
    eps = parameters().eps
    optimiser = make_optimiser(module, eps, eps.phases.full.lr)

    def step() -> float:
        start = clock()
        optimiser.zero_grad(set_to_none=True)
        backward(cross_entropy(logits(images), labels))
        optimiser.step()
        return clock() - start

    return step


def plain(network: Network) -> Network:
    """`network`, in place, in torch's own layers: ours are these, with a faster way to compute the same."""
    for layer in network.modules():
        for own in (nn.Conv2d, nn.BatchNorm2d):
            if isinstance(layer, own):
                layer.__class__ = own
    return network


def random_architectures(design: Design, count: int, resolution: int, width: float) -> list[Architecture]:
    """The same `count` subnets of the whole space each time."""
    generator = numpy_generator(0, "architectures")
    return sample(
        design,
        Choices.everything(design),
        count,
        resolution=resolution,
        width=width,
        generator=generator,
    )


def random_images(train: int, valid: int, size: int = 64, classes: int = CLASSES) -> ImageSplits:
    """Random images (the test ones validate too): for the time it takes, what they show does not matter."""
    generator = torch.Generator().manual_seed(0)
    count = train + valid
    pool = torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)
    pool = pool.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, classes, (count,), generator=generator)
    whole = ImageSet(pool, labels, torch.arange(count))
    parts = [whole.subset(part) for part in torch.split(torch.arange(count), [train, valid])]
    channels = (0.5, 0.5, 0.5)
    return ImageSplits(
        name="random",
        class_names=tuple(map(str, range(classes))),
        mean=channels,
        std=channels,
        augmentation=Augmentation(),
        train=parts[0],
        valid=parts[1],
        test=parts[1],
    )
