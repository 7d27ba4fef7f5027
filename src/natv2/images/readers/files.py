"""Image files in folders: which files are images, and none from outside."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from PIL import Image

from natv2.errors import UserError
from natv2.images.decode import image_formats


@dataclass
class Files:
    """Walks through folders below `root`; remembers what it left out."""

    root: Path
    no_images: list[str] = field(default_factory=list)

    def images(self, folder: Path) -> list[Path]:
        """All image files below `folder`, in the order of their names.

        Hidden files are passed over in silence, files that are no images are remembered. Raises
        UserError on a symbolic link that leaves the root.
        """
        found = []
        for path in self._files(folder):
            if path.suffix.lower() in image_suffixes():
                found.append(path)
            else:
                self.no_images.append(path.relative_to(self.root).as_posix())
        return found

    def folders(self, folder: Path) -> list[Path]:
        """The folders in `folder`, but for hidden ones, in the order of their names."""
        with os.scandir(folder) as entries:
            visible = [entry for entry in entries if not entry.name.startswith((".", "__MACOSX"))]
            found = [path for entry in visible if (path := Path(entry.path)).is_dir()]
        for path in found:
            _check_name(path)
            self.check_inside(path)
        return sorted(found)

    def check_inside(self, path: Path) -> None:
        """Raise UserError if `path` leads out of the root."""
        target = Path(os.path.realpath(path))  # Path.resolve fails where links lead round in a circle
        if path.is_symlink() and not target.is_relative_to(self.root.resolve()):
            raise UserError(
                f"{path} is a symbolic link to {target}, outside of {self.root}; "
                "copy the images into the folder, or list them in a table (dataset=table)"
            )

    def remark(self) -> list[str]:
        """A sentence about files that are no images, if there are any."""
        if not self.no_images:
            return []
        shown = ", ".join(self.no_images[:5]) + (", ..." if len(self.no_images) > 5 else "")
        count = len(self.no_images)
        what = "1 file is no image or in no class, and was"
        if count > 1:
            what = f"{count:,} files are no images or in no class, and were"
        return [f"{what} passed over: {shown}"]

    def _files(self, folder: Path) -> Iterator[Path]:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = Path(entry.path)
            _check_name(path)
            if entry.is_symlink():
                self.check_inside(path)
            if entry.is_dir(follow_symlinks=False):
                yield from self._files(path)
            elif path.is_file():
                yield path
            else:  # a broken link, or one to a folder: followed, it could lead round in a circle
                self.no_images.append(path.relative_to(self.root).as_posix())


def _check_name(path: Path) -> None:
    """Raise UserError on a name whose bytes are no text: no table or page could hold it."""
    try:
        path.name.encode()
    except UnicodeEncodeError:
        raise UserError(f"the name of {str(path)!a} is not UTF-8; rename the file") from None


@cache
def image_suffixes() -> frozenset[str]:
    """File name endings of the formats that are decoded."""
    formats = image_formats()
    return frozenset(suffix for suffix, kind in Image.registered_extensions().items() if kind in formats)
