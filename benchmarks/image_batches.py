"""Batches of images against torchvision's ImageFolder, transforms.v2 and DataLoader.

    python -m benchmarks.image_batches [--folder DIR] [--rounds 5]
    python -m benchmarks.image_batches --evaluation

Batches of 256 at 64 pixels from JPEGs of 64 pixels: random resized crops (bicubic, antialiased),
mirrored, normalised. The first epoch of ours decodes all files and looks for damaged and double
ones; those after it take turns with theirs, in one process. Without DIR (with train/, val/ and
test/) images are made up. The aims: five times their images a second after the first epoch, and a
first epoch that is no slower. With --evaluation: bringing 10,000 images of 32 pixels to 48, against
the forward pass of the smallest subnet of the smallest supernet at 48. The aim: under 5 %.
"""

import argparse
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import InterpolationMode, v2

from natv2.images.augmentation import Augmentation
from natv2.images.batches import Batch, training_batches
from natv2.images.image_set import ImageSplits
from natv2.images.loading import load_images
from natv2.randomness import numpy_generator
from natv2.spaces.design import DESIGNS
from natv2.spaces.space import SearchSpace
from natv2.supernets.supernet import Supernet

BATCH, RESOLUTION, WORKERS = 256, 64, 2
AUGMENTATION = Augmentation(crop_scale=(0.85, 1.0), flip=True)
MEAN, STD = (0.48, 0.45, 0.40), (0.28, 0.27, 0.28)
CLASSES, IMAGES_OF_A_CLASS = 20, 1500
EVALUATED, NATIVE, SHOWN = 10_000, 32, 48


def make_folder(folder: Path) -> None:
    """JPEGs whose power falls with frequency as that of photographs; one of a class to validate and test."""
    generator = numpy_generator(0, "photographs")
    frequencies = np.hypot(np.fft.fftfreq(RESOLUTION)[:, None], np.fft.rfftfreq(RESOLUTION)[None])
    falling = 1 / np.maximum(frequencies, 1 / RESOLUTION)
    for part, count in (("train", IMAGES_OF_A_CLASS), ("val", 1), ("test", 1)):
        for label in range(CLASSES):
            (folder / part / f"class {label}").mkdir(parents=True)
            for number in range(count):
                noise = generator.normal(size=(3, RESOLUTION, RESOLUTION))
                waves = np.fft.irfft2(np.fft.rfft2(noise) * falling, s=(RESOLUTION, RESOLUTION))
                grey = waves + 2 * waves.mean(axis=0)  # colours of a photograph go together
                pixels = np.clip(128 + 48 * (grey - grey.mean()) / grey.std(), 0, 255).astype(np.uint8)
                path = folder / part / f"class {label}" / f"{number}.jpg"
                Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))).save(path, quality=90)


def their_loader(folder: Path) -> DataLoader[tuple[torch.Tensor, torch.Tensor]]:
    transform = v2.Compose(
        [
            v2.ToImage(),
            v2.RandomResizedCrop(
                RESOLUTION,
                scale=AUGMENTATION.crop_scale,
                interpolation=InterpolationMode.BICUBIC,
                antialias=True,
            ),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )
    # Workers that stay are the faster way: they start in the first epoch only.
    return DataLoader(
        ImageFolder(folder / "train", transform),
        BATCH,
        shuffle=True,
        num_workers=WORKERS,
        persistent_workers=True,
    )


def their_epoch(loader: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> int:
    return sum(len(images) for images, _ in loader)


def our_epoch(splits: ImageSplits, epoch: int) -> int:
    batches = training_batches(
        splits, splits.train, batch_size=BATCH, seed=0, purpose="benchmark", epoch=epoch
    )
    return sum(len(batch.at(RESOLUTION)) for batch in batches)


def first_epoch(folder: Path, store: Path) -> tuple[ImageSplits, int]:
    """Everything from files to the batches of an epoch."""
    splits = load_images("folder", folder, store, resolution=RESOLUTION)
    splits = replace(splits, augmentation=AUGMENTATION, mean=MEAN, std=STD)
    return splits, our_epoch(splits, 0)


def training(folder: Path, rounds: int) -> None:
    start = time.perf_counter()
    loader = their_loader(folder)
    images = their_epoch(loader)
    theirs_first = images / (time.perf_counter() - start)
    with tempfile.TemporaryDirectory() as store:
        start = time.perf_counter()
        splits, images = first_epoch(folder, Path(store))
        ours_first = images / (time.perf_counter() - start)
        print(f"first epoch: ours {ours_first:,.0f} images/s, theirs {theirs_first:,.0f}: ", end="")
        print(f"{ours_first / theirs_first:.2f} times theirs")
        ours: list[float] = []
        theirs: list[float] = []
        for turn in range(1, rounds + 1):
            for side in (ours, theirs) if turn % 2 else (theirs, ours):
                start = time.perf_counter()
                images = our_epoch(splits, turn) if side is ours else their_epoch(loader)
                side.append(images / (time.perf_counter() - start))
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    print(f"afterwards: ours {median(ours):,.0f} images/s, theirs {median(theirs):,.0f}: ", end="")
    print(f"{median(ratios):.2f} times theirs ({rounds} pairs, {ratios[0]:.2f} to {ratios[-1]:.2f})")


def evaluation() -> None:
    # The smallest supernet of the nine, and the paths of its subnets all go to the end.
    design = DESIGNS["OFAMobileNetV3"]
    space = SearchSpace(design=design, resolutions=(SHOWN,), widths=(1.0,))
    supernet = Supernet(design, 1.0, 10).to(memory_format=torch.channels_last)
    network = supernet.subnet(space.smallest(1.0)).eval()
    pixels = torch.randint(0, 256, (EVALUATED, NATIVE, NATIVE, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    numbers = torch.arange(EVALUATED)
    rendering, forward = [], []
    with torch.inference_mode():
        for part in torch.split(numbers, BATCH):
            batch = Batch(pixels=pixels[part], labels=part, ids=part, mean=MEAN, std=STD)
            start = time.perf_counter()
            images = batch.at(SHOWN)
            rendering.append(time.perf_counter() - start)
            start = time.perf_counter()
            network(images)
            forward.append(time.perf_counter() - start)
    share = sum(rendering) / sum(forward)
    print(f"{EVALUATED:,} images from {NATIVE} to {SHOWN} pixels: {sum(rendering):.2f} s", end="")
    print(f", forward {sum(forward):.2f} s: {share:.1%} (median of the batches' shares ", end="")
    print(f"{median(r / f for r, f in zip(rendering, forward, strict=True)):.1%})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--evaluation", action="store_true")
    arguments = parser.parse_args()
    if arguments.evaluation:
        evaluation()
    elif arguments.folder:
        training(arguments.folder, arguments.rounds)
    else:
        with tempfile.TemporaryDirectory() as folder:
            make_folder(Path(folder))
            training(Path(folder), arguments.rounds)


if __name__ == "__main__":
    main()
