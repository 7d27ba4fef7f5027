"""The images that a file is compared on with the network it was made of, and calibrated on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
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
_PARTS = ("valid", "val", "validation")


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

    Where there are more than `most`, on so many of them, from the first to the last.
    """
    if most is not None and len(images) > most:
        images = images.subset(torch.linspace(0, len(images) - 1, most).long())
    pixels = images.images.cpu()
    header = classifier.header
    prepared = prepare(pixels, classifier.resolution, header.mean, header.std)
    whole = [pixels[i : i + 1].contiguous() for i in range(min(len(pixels), MOST_WHOLE))]
    return Comparison(images=named, prepared=_in_order(prepared), labels=images.labels.cpu(), whole=whole)


def of_folder(folder: Path, classifier: Classifier) -> Comparison:
    """A comparison on the images in `folder`: those of DIR/<class>/..., of its part valid where it has parts.

    Images in no folder of a class have no labels. Raises UserError where there are none, one cannot be read,
    or folders are of other classes.
    """
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}")
    root = next((folder / part for part in _PARTS if (folder / part).is_dir()), folder)
    files = Files(root)
    labelled = list(_labelled(root, files, classifier.class_names))
    paths = [path for path, _ in labelled] or files.images(root)
    if not paths:
        raise UserError(f"{root} holds no images")
    pixels = [_pixels(path, classifier) for path in paths]
    labels = torch.tensor([label for _, label in labelled]) if labelled else None
    # Its name alone: a certificate goes where the rest of its path is nobody's business.
    named = "/".join([folder.resolve().name, *root.relative_to(folder).parts])
    return _compared(f"{len(paths)} images of {named}", pixels, labels, classifier)


def synthetic(classifier: Classifier, seed: int = 0) -> Comparison:
    """A comparison on made-up images of many sizes, the same ones for a seed; they have no labels."""
    draws = numpy_generator(seed, "images to compare exports on")
    pixels = []
    for _ in range(_SYNTHETIC):
        width, height = draws.integers(_SMALLEST, 2 * classifier.resolution + _SMALLEST, size=2).tolist()
        grid = Image.fromarray(draws.integers(256, size=(_GRID, _GRID, 3), dtype=np.uint8))
        smooth = np.array(grid.resize((width, height), Image.Resampling.BICUBIC))
        pixels.append(torch.from_numpy(smooth).permute(2, 0, 1)[None].contiguous())
    return _compared(f"{len(pixels)} made-up images (seed {seed})", pixels, None, classifier)


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
    images: str, pixels: Sequence[Tensor], labels: Tensor | None, classifier: Classifier
) -> Comparison:
    header, prepared = classifier.header, []
    with progress_bar("images", len(pixels)) as bar:
        for image in pixels:
            prepared.append(prepare(image, classifier.resolution, header.mean, header.std))
            bar.advance("")
    # Spread over all: those of a class stand together.
    step = max(1, len(pixels) // MOST_WHOLE)
    whole = pixels[::step][:MOST_WHOLE]
    return Comparison(images=images, prepared=_in_order(torch.cat(prepared)), labels=labels, whole=whole)


def _in_order(prepared: Tensor) -> Tensor:
    # Not channels-last, as training has them: some runtimes read memory without asking for its order.
    return prepared.contiguous(memory_format=torch.contiguous_format)
