"""A store of states as a catalog entry."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, CatalogProtocol

from natv2.errors import UserError
from natv2.training.state_store import StateStore

PROGRESS = "progress"
"""The entry of what a run resumes from."""


class StateStoreDataset(AbstractDataset[None, StateStore]):
    """A folder of what loops save, or of what is computed once and kept for runs to come.

    During a run the hooks point the `folder` of the entry `progress` to that of the resumable run, and hand
    every node its own part of it (natv2.runs.hooks). Not versioned: states are replaced after every epoch or
    turn.
    """

    def __init__(self, *, filepath: str) -> None:
        self.root = Path(filepath)
        self.folder = self.root

    def load(self) -> StateStore:
        """The store."""
        return StateStore(folder=self.folder)

    def save(self, data: None) -> None:
        """Raise UserError: nodes save into what `load` gives."""
        raise UserError("a store is not an output of a node")

    def _exists(self) -> bool:
        return True  # an empty store is where a run begins

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.root)}


def progress_of(catalog: CatalogProtocol[Any, Any]) -> StateStoreDataset:
    """The entry `progress` of `catalog`. Raises UserError where it is no store of states."""
    dataset = catalog.get(PROGRESS)
    if not isinstance(dataset, StateStoreDataset):
        raise UserError(f"catalog entry 'progress' cannot be {dataset!r}: it must be a StateStoreDataset")
    return dataset
