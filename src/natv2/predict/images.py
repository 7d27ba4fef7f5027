"""Which image files a person means, and the classes that these are of."""

import csv
import glob
from collections.abc import Mapping, Sequence
from pathlib import Path

from natv2.errors import UserError
from natv2.images.readers.files import Files

_PATH, _CLASS = ("path", "file", "image"), ("class", "label")


def find_images(given: Sequence[str]) -> list[Path]:
    """The files that `given` names: files, folders with all that is below them, and patterns such as *.jpg.

    Each once, in this order. Raises UserError where one is not there, or none holds an image.
    """
    found: dict[Path, None] = {}
    for name in given:
        path = Path(name)
        if path.is_dir():
            found |= dict.fromkeys(Files(path).images(path))
        elif path.exists():
            found[path] = None
        elif matching := sorted(glob.glob(name, recursive=True)):
            found |= dict.fromkeys(path for path in map(Path, matching) if path.is_file())
        else:
            raise UserError(f"there is no image {name}: a file, a folder or a pattern is needed")
    if not found:
        raise UserError(f"no images in {', '.join(given)}")
    return list(found)


def labels_of(paths: Sequence[Path], labels: Path, class_names: Sequence[str]) -> list[str]:
    """The class of each of `paths` by `labels`: a folder with one for each class, or a CSV table.

    A table has columns path (relative to itself) and class. Raises UserError where an image has no label, or
    a label is none of `class_names`.
    """
    if labels.is_dir():
        found = [_folder_of(path, labels) for path in paths]
    else:
        table = _table(labels)
        found = [table.get(path.resolve()) for path in paths]
    for path, label in zip(paths, found, strict=True):
        if label is None:
            raise UserError(f"{labels} has no class for {path}")
        if label not in class_names:
            raise UserError(
                f"{labels}: {label!r}, the class of {path}, is none that the model knows; "
                f"it knows {', '.join(class_names[:10])}{', ...' if len(class_names) > 10 else ''}"
            )
    return [label for label in found if label is not None]


def _folder_of(path: Path, root: Path) -> str | None:
    """The first folder below `root` on the way to `path`."""
    inside = path.resolve()
    if not inside.is_relative_to(root.resolve()):
        return None
    parts = inside.relative_to(root.resolve()).parts
    return parts[0] if len(parts) > 1 else None


def _table(path: Path) -> Mapping[Path, str]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            names = [next((c for c in columns if c.lower() in known), None) for known in (_PATH, _CLASS)]
            if None in names:
                raise UserError(f"{path}: columns path and class are needed, it has {', '.join(columns)}")
            where, what = (str(name) for name in names)
            return {(path.parent / row[where]).resolve(): row[what] for row in reader if row[where]}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is neither a folder nor a table of labels ({error})") from None
