"""What runs leave beside their results: states to resume from, decoded images."""

import glob
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from natv2.errors import UserError

PROGRESS = Path("data/06_models/progress")
_DECODED = Path("data/02_intermediate")


def check_nothing_runs(project: Path) -> None:
    """Raise UserError while a run is open in a process: what it needs is not known from its files."""
    for lock in sorted((project / PROGRESS).glob("*.lock")):
        try:
            FileLock(lock).acquire(timeout=0).lock.release()
        except Timeout:
            raise UserError(f"a run is open ({lock} is held): clean when it has ended") from None


def finished_attempts(project: Path) -> list[Path]:
    """Folders of runs that have ended well, which a power cut has left half deleted."""
    return sorted((project / PROGRESS).glob("*.closed"))


def open_attempts(project: Path) -> list[Path]:
    """Folders of runs that were stopped: the same command would resume from them."""
    folders = (path for path in (project / PROGRESS).glob("*") if path.is_dir())
    return sorted(path for path in folders if path.suffix != ".closed")


def versions_read(attempts: list[Path]) -> Iterator[str]:
    """The versions that stopped runs have read, and would read again."""
    for attempt in attempts:
        with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
            inputs = json.loads((attempt / "run.json").read_text(encoding="utf-8"))["identity"]["inputs"]
            yield from (version for version in inputs.values() if version is not None)


def decoded_images(project: Path) -> list[Path]:
    """Files of decoded images. Which split each image is in stays: a test image is one for good."""
    decoded = (project / _DECODED).rglob("*.pixels")
    return sorted(path for pixels in decoded for path in pixels.parent.glob(f"{glob.escape(pixels.stem)}.*"))
