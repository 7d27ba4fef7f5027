"""The images that a file is compared on with the network it was made of, and calibrated on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from unicodedata import normalize

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from natv2.bar import progress_bar
from natv2.errors import UserError
from natv2.finished_network import Classifier
from natv2.images.decode import UnreadableImageError, decode
from natv2.images.image_set import ImageSet
from natv2.images.readers.files import Files
from natv2.images.transforms import prepare
from natv2.printable import printable
from natv2.randomness import numpy_generator

MOST_WHOLE = 16
"""Images that also go through a whole file, in their own sizes."""

MOST_CALIBRATED = 256
"""Images that ranges of activations are taken from."""

_SYNTHETIC, _SMALLEST, _GRID = 64, 24, 6
_MOST_BYTES = 1 << 30  # of prepared images
_PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"valid": ("valid", "val", "validation"), "train": ("train", "training")}
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """`prepared` float32 (N, 3, R, R), with `labels` int64 (N,) where they are known; `whole`, uint8 images.

    `images` says in words what they are.
    """

    images: str
    prepared: Tensor
    labels: Tensor | None
    whole: Sequence[Tensor]


def of_images(images: ImageSet, classifier: Classifier, named: str, most: int | None = None) -> Comparison:
    """A comparison on `images`, as `classifier` sees them; labels must be in the order of its classes.

    Of more than `most`, or than memory should hold, so many are taken, from the first to the last.
    """
    taken = spread(len(images), min(most or len(images), _most_prepared(classifier)))
    named = f"{len(taken):,} of the {len(images):,} {named}" if len(taken) < len(images) else f"the {named}"
    images = images.subset(torch.tensor(taken))
    pixels = images.images.cpu()
    header = classifier.header
    prepared = prepare(pixels, classifier.resolution, header.mean, header.std)
    whole = [pixels[i : i + 1].contiguous() for i in range(min(len(pixels), MOST_WHOLE))]
    return Comparison(images=named, prepared=_in_order(prepared), labels=images.labels.cpu(), whole=whole)


def spread(count: int, most: int) -> list[int]:
    """Numbers below `count`: all, or `most` of them, evenly from the first to the last."""
    return list(range(count)) if count <= most else np.linspace(0, count - 1, most).astype(int).tolist()


def of_folder(folder: Path, classifier: Classifier, part: str = "valid") -> Comparison:
    """A comparison on the images in `folder`: those of DIR/<class>/..., of its `part` where it has parts.

    Images in no folder of a class have no labels. Of more than memory should hold, some are taken. Raises
    UserError where there are none, one cannot be read, or folders are of other classes.
    """
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}")
    root = next((folder / name for name in _PARTS[part] if (folder / name).is_dir()), folder)
    files = Files(root)
    labelled = list(_labelled(root, files, classifier.class_names))
    paths = [path for path, _ in labelled] or files.images(root)
    if not paths:
        raise UserError(f"{root} holds no images")
    taken = spread(len(paths), _most_prepared(classifier))
    labels = torch.tensor([labelled[number][1] for number in taken]) if labelled else None
    # Its name alone: a certificate goes where the rest of its path is nobody's business.
    named = "/".join([folder.resolve().name, *root.relative_to(folder).parts])
    pixels = (_pixels(paths[number], classifier) for number in taken)
    return _compared(f"{len(taken)} images of {named}", len(taken), pixels, labels, classifier)


def synthetic(classifier: Classifier, seed: int = 0) -> Comparison:
    """A comparison on made-up images of many sizes, the same ones for a seed; they have no labels."""
    draws = numpy_generator(seed, "images to compare exports on")
    pixels = []
    for _ in range(_SYNTHETIC):
        width, height = draws.integers(_SMALLEST, 2 * classifier.resolution + _SMALLEST, size=2).tolist()
        grid = Image.fromarray(draws.integers(256, size=(_GRID, _GRID, 3), dtype=np.uint8))
        smooth = np.array(grid.resize((width, height), Image.Resampling.BICUBIC))
        pixels.append(torch.from_numpy(smooth).permute(2, 0, 1)[None].contiguous())
    return _compared(f"{len(pixels)} made-up images (seed {seed})", len(pixels), pixels, None, classifier)


def _most_prepared(classifier: Classifier) -> int:
    return max(1, _MOST_BYTES // (4 * 3 * classifier.resolution**2))


def _labelled(root: Path, files: Files, class_names: Sequence[str]) -> Iterator[tuple[Path, int]]:
    labels = {name: number for number, name in enumerate(class_names)}
    for folder in files.folders(root):
        name = normalize("NFC", folder.name)
        if name not in labels:
            known = printable(", ".join(map(repr, class_names[:10])))
            raise UserError(
                f"{folder} is of no class of the network, whose {len(class_names)} are: {known}"
                f"{', ...' if len(class_names) > 10 else ''}"
            )
        yield from ((path, labels[name]) for path in files.images(folder))


def _pixels(path: Path, classifier: Classifier) -> Tensor:
    try:
        pixels = decode(path, None, classifier.header.levels).pixels
    except UnreadableImageError as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].contiguous()


def _compared(
    images: str, count: int, pixels: Iterable[Tensor], labels: Tensor | None, classifier: Classifier
) -> Comparison:
    header, prepared, whole = classifier.header, [], []
    kept = set(spread(count, MOST_WHOLE))  # over all: those of a class stand together
    with progress_bar("images", count) as bar:
        for number, image in enumerate(pixels):
            prepared.append(prepare(image, classifier.resolution, header.mean, header.std))
            if number in kept:  # all photographs in their own sizes would not fit into memory
                whole.append(image)
            bar.advance("")
    return Comparison(images=images, prepared=_in_order(torch.cat(prepared)), labels=labels, whole=whole)


def _in_order(prepared: Tensor) -> Tensor:
    # Not channels-last, as training has them: some runtimes read memory without asking for its order.
    return prepared.contiguous(memory_format=torch.contiguous_format)
