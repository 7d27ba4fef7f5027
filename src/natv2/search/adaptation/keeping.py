"""The supernets as they are after each turn, kept on request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from natv2.supernets.checkpoint import Checkpoint, write_checkpoint
from natv2.training.state_store import StateStore

_FOLDER, _SUFFIX = "supernets", ".safetensors"

Snapshot = Callable[[int], Mapping[str, Checkpoint]]
"""The supernets as they are after a turn, by their names."""


@dataclass(frozen=True)
class KeptSupernets:
    """Files of supernets by their names: `turn_01/narrow`, `turn_01/wide`, ..."""

    files: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> "KeptSupernets":
        """Those in `folder`, and in the folders within."""
        found = sorted(folder.rglob(f"*{_SUFFIX}"))
        return cls({path.relative_to(folder).with_suffix("").as_posix(): path for path in found})


class SupernetKeeper:
    """Keeps what `snapshot` gives after each turn in files beside what else the search saves in `store`.

    So a killed search that resumes has them all.
    """

    def __init__(self, snapshot: Snapshot, store: StateStore) -> None:
        self._snapshot, self._folder = snapshot, store.folder / _FOLDER

    def keep(self, turn: int) -> None:
        """Keep those of `turn`, but for what an earlier process has kept: now they may be further."""
        for name, checkpoint in self._snapshot(turn).items():
            path = self._folder / f"turn_{turn:02}" / f"{name}{_SUFFIX}"
            if not path.exists():
                write_checkpoint(path, checkpoint)


def kept_supernets(store: StateStore) -> KeptSupernets:
    """All that a search has kept in `store`."""
    return KeptSupernets.of(store.folder / _FOLDER)
