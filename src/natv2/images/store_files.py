"""The files of a store, and what a stop leaves of them."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from natv2.images.chunks import COLUMNS


@dataclass(frozen=True)
class StoreFiles:
    """Where a store has `count` images of `size` (width, height), decoded from what `mark` stands for."""

    folder: Path
    mark: str
    count: int
    size: tuple[int, int]

    @property
    def pixels(self) -> Path:
        """Images one after another, without a header."""
        return self.folder / f"{self.mark}.pixels"

    @property
    def rows(self) -> Path:
        """A line of JSON a chunk, while decoding lasts."""
        return self.folder / f"{self.mark}.rows"

    @property
    def table(self) -> Path:
        """What is known of the images; there once all are decoded."""
        return self.folder / f"{self.mark}.parquet"

    @property
    def image_bytes(self) -> int:
        """Of each image."""
        return self.size[0] * self.size[1] * 3

    def have(self) -> int:
        """Bytes of pixels that are there."""
        return self.pixels.stat().st_size if self.pixels.exists() else 0


def whole_lines(rows: Path) -> int:
    """How many lines are whole; half a line that a power cut left is cut off."""
    if not rows.exists():
        return 0
    content = rows.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(rows, len(whole))
    first = json.loads(whole.partition(b"\n")[0] or b"[]")
    if not first or len(first[0]) != len(COLUMNS):  # of an earlier version
        rows.unlink()
        return 0
    return whole.count(b"\n")


def keep(pixel_file: BinaryIO, row_file: BinaryIO, lines: list[bytes]) -> None:
    """Let both files reach the disk, the pixels before the `lines` that make them count."""
    to_disk(pixel_file)
    row_file.writelines(lines)
    to_disk(row_file)
    lines.clear()


def to_disk(file: BinaryIO) -> None:
    """Return when what was written to `file` would outlast a power cut."""
    file.flush()
    os.fsync(file.fileno())
