"""What a run recorded of the files that it saved: their SHA-256, compared when they are read."""

import json
from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path

from natv2.errors import UserError

RECORD = "record.json"
"""Beside every version of every entry."""

CHECKSUMS = "sha256"
"""Its field with the checksums: each by the name of a file."""

_READ = ".safetensors"  # of what is put into a folder later only such files are read


def checksums(place: Path) -> dict[str, str]:
    """The SHA-256 of the file at `place` by its name; of a folder those of all files in it."""
    if not place.is_dir():
        return {place.name: _checksum(place)}
    files = sorted(path for path in place.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(place).as_posix(): _checksum(path) for path in files}


def check_recorded(place: Path) -> None:
    """Raise UserError if the file or folder at `place` is another than when its record was written.

    What is not there is left to its reader, as what has no checksum: an earlier version wrote it.
    """
    wrote = _recorded(place.parent / RECORD)
    if wrote is None or not place.exists():
        return
    if not place.is_dir():
        if place.is_file() and wrote.get(place.name) not in (None, _checksum(place)):
            raise _changed(place)
        return
    found = checksums(place)
    for name in sorted(wrote.keys() | found.keys()):
        if name not in found:
            raise UserError(f"{place / name} is gone, though {RECORD} says that it was saved; restore it")
        if name not in wrote:
            if not name.endswith(_READ):
                continue
            raise UserError(f"{place / name} is none of the files that its run has saved; move it away")
        if wrote[name] != found[name]:
            raise _changed(place / name)


def _recorded(record: Path) -> Mapping[str, str] | None:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))[CHECKSUMS]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):  # a damaged record is none
        return None
    right = isinstance(found, dict) and all(isinstance(value, str) for value in found.values())
    return found if right else None


def _changed(path: Path) -> UserError:
    return UserError(
        f"{path} is not as its run saved it (its SHA-256 is not that in {RECORD}): restore it or delete it"
    )


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
