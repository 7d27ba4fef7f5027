"""Where a long loop leaves what it needs to resume after a stop: nothing is lost."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from natv2.files import read_tensors, write_tensors
from natv2.ranks.tracking import Tracker, portable
from natv2.ranks.world import world


def untracked(metrics: Mapping[str, float], step: int) -> None:
    """The tracker of a loop that nobody watches."""


@dataclass(frozen=True, kw_only=True)
class State:
    """What a loop saves: tensors, and values that JSON can hold."""

    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StateStore:
    """The store of one loop: a folder with a file for each thing saved, and the run's tracker.

    Each file is replaced atomically, so a killed loop finds its last finished epoch or turn.
    """

    folder: Path
    name: str = ""
    tracker: Tracker = untracked

    def __getstate__(self) -> dict[str, Any]:
        """To another rank it goes with a tracker that tells this one's."""
        return {**self.__dict__, "tracker": portable(self.tracker)}

    def child(self, name: str) -> "StateStore":
        """The store of a loop inside this one."""
        full = f"{self.name}.{name}" if self.name else name
        return replace(self, folder=self.folder / name, name=full)

    def holds(self, key: str) -> bool:
        """Whether something was saved as `key`."""
        return self._path(key).exists()

    def load(self, key: str) -> State | None:
        """What was saved as `key`, or None."""
        if not self.holds(key):
            return None
        tensors, values = read_tensors(self._path(key))
        return State(tensors=tensors, values=values)

    def save(self, key: str, state: State) -> None:
        """Save `state` as `key` in place of what was there; of ranks at one loop the first does it."""
        if not world().keeps:
            return
        json.dumps(state.values)  # fails here, with the caller in the traceback, if JSON cannot hold it
        write_tensors(self._path(key), state.tensors, state.values)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.safetensors"

    def clear(self) -> None:
        """Forget all that was saved."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def remembered(self, key: str, compute: Callable[[], State]) -> State:
        """What was saved as `key`; computed and saved where nothing was."""
        state = self.load(key)
        if state is None:
            state = compute()
            self.save(key, state)
        return state

    def track(self, metrics: Mapping[str, float], step: int) -> None:
        """Hand `metrics` to the tracker under this loop's name."""
        if not world().keeps:
            return
        self.tracker({f"{self.name}/{metric}": value for metric, value in metrics.items()}, step)
