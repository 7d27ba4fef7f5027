"""Tiny ImageNet as its archive has it."""

from pathlib import Path

import numpy as np

from natv2.errors import UserError
from natv2.images.datasets import DataSet
from natv2.images.listing import Listing


def read_tiny_imagenet(spec: DataSet, folder: Path) -> Listing:
    """train/<wnid>/images/*.JPEG, and val/images with val_annotations.txt as the test set.

    The archive's own test images have no labels. Class names are the first words of words.txt. Raises
    FileNotFoundError where the archive is not unpacked, UserError where it is incomplete.
    """
    root = folder / spec.folder
    wnids = sorted(path.name for path in (root / "train").iterdir() if path.is_dir())
    train = [(path, wnid) for wnid in wnids for path in sorted((root / "train" / wnid).glob("images/*.JPEG"))]
    lines = (root / "val" / "val_annotations.txt").read_text(encoding="utf-8").splitlines()
    annotated = [line.split("\t")[:2] for line in lines if line]
    test = [(root / "val" / "images" / name, wnid) for name, wnid in annotated]
    unknown = {wnid for _, wnid in test} - set(wnids)
    if unknown:
        raise UserError(
            f"{root / 'val'} has the class {min(unknown)}, of which {root / 'train'} has no images"
        )
    numbers = {wnid: number for number, wnid in enumerate(wnids)}
    both = train + test
    return Listing(
        samples=tuple(path for path, _ in both),
        names=tuple(path.relative_to(root).as_posix() for path, _ in both),
        labels=np.array([numbers[wnid] for _, wnid in both], dtype=np.int64),
        parts=np.array(["train"] * len(train) + ["test"] * len(test)),
        class_names=_class_names(root, wnids),
    )


def _class_names(root: Path, wnids: list[str]) -> tuple[str, ...]:
    lines = (
        (root / "words.txt").read_text(encoding="utf-8").splitlines() if (root / "words.txt").exists() else []
    )
    words = dict(line.split("\t", 1) for line in lines if "\t" in line)
    first = [words.get(wnid, wnid).split(",")[0].strip() for wnid in wnids]
    # Two synsets may share their first word (the crane that flies, and the one that lifts).
    return tuple(
        f"{name} ({wnid})" if first.count(name) > 1 else name for name, wnid in zip(first, wnids, strict=True)
    )
