"""A folder of images: DIR/train/<class>/... with DIR/valid and DIR/test, or DIR/<class>/..."""

from pathlib import Path
from unicodedata import normalize

import numpy as np

from natv2.errors import UserError
from natv2.images.datasets import DataSet
from natv2.images.listing import Listing
from natv2.images.readers.files import Files

_PART_NAMES = {
    "train": ("train", "training"),
    "valid": ("valid", "val", "validation"),
    "test": ("test", "testing"),
}


def read_folders(spec: DataSet, folder: Path) -> Listing:
    """The images of `folder`, a class for each folder with images at any depth.

    Raises FileNotFoundError where there is no such folder, UserError where it holds no classes
    or folders of unclear meaning.
    """
    root = folder / spec.folder
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {root}")
    files = Files(root)
    found: list[tuple[str, str, Path]] = []  # part, class, file
    empty: set[str] = set()
    for part, place in _parts(files).items():
        for class_folder in files.folders(place):
            images = files.images(class_folder)
            # macOS takes names apart (e and its accent) that are one on other systems.
            name = normalize("NFC", class_folder.name)
            found += [(part, name, path) for path in images]
            if not images:
                empty.add(name)
        files.strays.others += files.loose(place)
    class_names = tuple(sorted({name for _, name, _ in found}))
    if len(class_names) < 2:
        raise UserError(
            f"{root} has images of {len(class_names)} classes, at least 2 are needed: a folder for each "
            f"class, in the folder itself or in its folders train, valid and test{files.strays.hint()}"
        )
    labels = {name: number for number, name in enumerate(class_names)}
    remarks = [f"class {name!r} has no images and was left out" for name in sorted(empty - labels.keys())]
    return Listing(
        samples=tuple(path for _, _, path in found),
        names=tuple(path.relative_to(root).as_posix() for _, _, path in found),
        labels=np.array([labels[name] for _, name, _ in found], dtype=np.int64),
        parts=np.array([part for part, _, _ in found]),
        class_names=class_names,
        remarks=tuple(remarks + files.strays.remarks()),
    )


def _parts(files: Files) -> dict[str, Path]:
    """The folders of the parts; the root alone where the set is not split.

    Raises UserError where it cannot be told which folder is which part, or which are classes.
    """
    folders = files.folders(files.root)
    parts: dict[str, Path] = {}
    for part, names in _PART_NAMES.items():
        claims = [path for path in folders if path.name.lower() in names]
        if len(claims) > 1:
            raise UserError(f"{claims[0]} and {claims[1]} are both the part '{part}'; leave one")
        if claims:
            parts[part] = claims[0]
    # A class may be called "train": what has no folders in it holds no classes.
    with_classes = {part: path for part, path in parts.items() if files.folders(path)}
    if not with_classes:
        if parts and len(parts) == len(folders):
            raise UserError(f"{files.root} has parts ({', '.join(parts)}) and no class folders in them")
        return {"all": files.root}
    if parts.keys() != with_classes.keys() or "train" not in parts:
        raise UserError(
            f"{files.root} is split into {', '.join(parts)}: 'train' is needed, with class folders in each"
        )
    others = [path.name for path in folders if path not in parts.values()]
    if others:
        raise UserError(
            f"{files.root} has {', '.join(map(repr, others))} beside its parts {', '.join(parts)}"
        )
    return parts
