"""What lies among images and is none: what systems make, photos that need an extra, other files."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePath

from natv2.images.decode import HEIF, image_suffixes

_SYSTEM = frozenset(
    # macOS
    {"__macosx", ".ds_store", ".appledouble", ".spotlight-v100", ".trashes", ".fseventsd", ".localized"}
    | {".temporaryitems", "temporary items", "network trash folder", ".documentrevisions-v100", "icon\r"}
    # Windows
    | {"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "$recycle.bin"}
    | {"system volume information", "recycler", "recycled", "lost.dir"}
    # network storage
    | {"@eadir", "#recycle", "@recycle", "@tmp", "#snapshot", "@recently-snapshot", ".@__thumb", "@__thumb"}
    | {"@synoresource", "@sharebin", "~snapshot", ".snapshot", "thevolumesettingsfolder"}
    # Linux, Android, notebooks, albums
    | {
        "__pycache__",
        "lost+found",
        ".directory",
        ".thumbnails",
        ".nomedia",
        ".ipynb_checkpoints",
        ".picasa.ini",
    }
)
_FOUND = re.compile(r"found\.\d{3}")  # what Windows makes of lost clusters
_SYSTEM_STARTS = ("._", ".trash", "synofile_thumb", ".nfs", ".fuse_hidden")
_SHOWN = 5


def made_by_system(name: str) -> bool:
    """Whether operating systems, or what stores files, make files or folders called `name`."""
    name = name.lower()
    return name in _SYSTEM or name.startswith(_SYSTEM_STARTS) or _FOUND.fullmatch(name) is not None


@dataclass
class Strays:
    """Names of what was passed over, below the folder that was read."""

    by_system: set[str] = field(default_factory=set)
    others: list[str] = field(default_factory=list)

    def remarks(self) -> list[str]:
        """A sentence for each kind, if there are any."""
        photos = [name for name in self.others if name.lower().endswith(HEIF)]
        rest = [name for name in self.others if not name.lower().endswith(HEIF)]
        told = []
        if rest:
            what = "file is no image or in no class, and was", "files are no images or in no class, and were"
            told.append(f"{_count(rest, *what)} passed over: {_some(rest)}")
        if photos:
            told.append(
                f"{_count(photos, 'HEIC photo was', 'HEIC photos were')} passed over: {_some(photos)}; with "
                "the extra heif they are read: pip install 'natv2[heif]'"
            )
        if self.by_system:
            names = sorted(self.by_system)
            what = "file or folder that systems make was", "files and folders that systems make were"
            told.append(f"{_count(names, *what)} passed over: {_some(names)}")
        return told

    def hint(self) -> str:
        """What there is instead of images in classes, as the end of a sentence; "" where there is nothing."""
        endings = Counter(PurePath(name).suffix.lower() or "no ending" for name in self.others)
        loose = sum(endings.pop(ending, 0) for ending in image_suffixes())
        hint = f"; {loose:,} of its images are in no folder of a class" if loose else ""
        if endings:
            found = ", ".join(f"{count:,} {ending}" for ending, count in endings.most_common(_SHOWN))
            hint += f"; these files are not read: {found}; PNG and TIFF are"
        if endings.keys() & set(HEIF):
            hint += ", HEIC with the extra heif (pip install 'natv2[heif]')"
        return hint


def _count(names: Iterable[str], one: str, many: str) -> str:
    number = len(list(names))
    return f"{number:,} {one if number == 1 else many}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
