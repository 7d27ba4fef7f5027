"""Image files in folders: which files are images, and none from outside."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from natv2.errors import UserError
from natv2.images.decode import image_size, image_suffixes
from natv2.images.readers.strays import Strays, made_by_system


@dataclass
class Files:
    """Walks through folders below `root`; remembers what it left out."""

    root: Path
    strays: Strays = field(default_factory=Strays)

    def images(self, folder: Path) -> list[Path]:
        """All image files below `folder`, in the order of their names.

        Hidden files are passed over in silence, what is no image is remembered, and what systems make.
        Raises UserError on a symbolic link that leaves the root.
        """
        found = []
        for path in self._files(folder):
            # Without an ending, only the file itself can tell.
            if path.suffix.lower() in image_suffixes() or (not path.suffix and image_size(path)):
                found.append(path)
            else:
                self.strays.others.append(self._name(path))
        return found

    def folders(self, folder: Path) -> list[Path]:
        """The folders in `folder`, but for hidden ones, in the order of their names."""
        visible = [self._visible(entry) for entry in _entries(folder)]
        found = [path for path in visible if path and path.is_dir()]
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

    def loose(self, folder: Path) -> list[str]:
        """Names of the files in `folder` itself, which are in no class folder."""
        visible = [self._visible(entry) for entry in _entries(folder)]
        return [self._name(path) for path in visible if path and path.is_file()]

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _visible(self, entry: os.DirEntry[str]) -> Path | None:
        """The path of `entry`; None where it is hidden, or made by a system and remembered as such."""
        path = Path(entry.path)
        if made_by_system(entry.name):
            self.strays.by_system.add(self._name(path))
            return None
        return None if entry.name.startswith(".") else path

    def _files(self, folder: Path) -> Iterator[Path]:
        for entry in _entries(folder):
            path = self._visible(entry)
            if path is None:
                continue
            _check_name(path)
            if entry.is_symlink():
                self.check_inside(path)
            if entry.is_dir(follow_symlinks=False):
                yield from self._files(path)
            elif path.is_file():
                yield path
            else:  # a broken link, or one to a folder: followed, it could lead round in a circle
                self.strays.others.append(self._name(path))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in `folder`, in the order of names. Raises UserError where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise UserError(f"{folder} cannot be read ({error.strerror}): allow it, or move it away") from None


def _check_name(path: Path) -> None:
    """Raise UserError on a name whose bytes are no text: no table or page could hold it."""
    try:
        path.name.encode()
    except UnicodeEncodeError:
        raise UserError(f"the name of {str(path)!a} is not UTF-8; rename the file") from None
