"""Versions that nothing needs: a newer one was made alike, and nothing that stays was made of them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from natv2.recorded import RECORD
from natv2.runs.lineage import Record, contradiction

_VERSION = re.compile(r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d\.\d{3}Z")
_LAYERS = "0[3-8]_*"  # raw and decoded images are no results


@dataclass(frozen=True)
class StoredVersion:
    """One version of an entry: `folder` has it and its record, None where nobody knows what made it."""

    entry: str
    version: str
    folder: Path
    record: Record | None

    @property
    def of_what(self) -> Mapping[str, Any]:
        """The facts of its record but for versions: images, training."""
        return (
            {name: value for name, value in self.record.facts.items() if not _is_version(value)}
            if self.record
            else {}
        )

    @property
    def made_of(self) -> Iterator[tuple[str, str]]:
        """Entries and versions in its history."""
        for name, value in (self.record.facts if self.record else {}).items():
            if _is_version(value):
                yield name, value


def stored_versions(project: Path) -> list[StoredVersion]:
    """All versions below data/, each entry's oldest first."""
    found = []
    for folder in sorted((project / "data").glob(f"{_LAYERS}/**/")):
        name = folder.parent.name
        if _VERSION.fullmatch(folder.name) and (folder / name).exists():
            entry = folder.parent.relative_to(project).as_posix()
            found.append(StoredVersion(entry, folder.name, folder, _record(folder)))
    return found


def not_needed(versions: Sequence[StoredVersion], open_inputs: Iterable[str]) -> list[StoredVersion]:
    """Those of `versions` that are neither the newest of their kind nor in the history of one that stays.

    Of one kind are versions of an entry that were asked for alike (seed, constraints, settings) and made of
    the same images by the same training. A version without a record stays, since nobody knows what needs
    it, and so do those that stopped runs read (`open_inputs`).
    """
    by_entry: dict[str, list[StoredVersion]] = {}
    for each in versions:
        by_entry.setdefault(each.entry, []).append(each)
    wanted = set(open_inputs)
    stays = {
        (each.entry, each.version): each
        for group in by_entry.values()
        for place, each in enumerate(group)
        if each.record is None
        or each.version in wanted
        or not any(_alike(each, newer) for newer in group[place + 1 :])
    }
    known = {(each.entry, each.version): each for each in versions}
    waiting = list(stays.values())
    while waiting:
        for name in waiting.pop().made_of:
            if name in known and name not in stays:
                stays[name] = known[name]
                waiting.append(known[name])
    return [each for each in versions if (each.entry, each.version) not in stays]


def _alike(older: StoredVersion, newer: StoredVersion) -> bool:
    if older.record is None or newer.record is None:
        return False
    return older.record.asked == newer.record.asked and contradiction(older.of_what, newer.of_what) is None


def _is_version(value: object) -> bool:
    return isinstance(value, str) and _VERSION.fullmatch(value) is not None


def _record(folder: Path) -> Record | None:
    try:
        return Record.model_validate_json((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, ValidationError):  # a damaged record is none
        return None
