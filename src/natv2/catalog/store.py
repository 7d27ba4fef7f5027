"""What is computed once and kept, as a catalog entry."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from natv2.errors import UserError
from natv2.training.state_store import Progress


class StoreDataset(AbstractDataset[None, Progress]):
    """A folder of results by their fingerprints, for runs to come: unlike progress it outlives its run."""

    def __init__(self, *, filepath: str) -> None:
        self.folder = Path(filepath)

    def load(self) -> Progress:
        """The store."""
        return Progress(folder=self.folder)

    def save(self, data: None) -> None:
        """Raise UserError: nodes save into what `load` gives."""
        raise UserError("a store is not an output of a node")

    def _exists(self) -> bool:
        return True  # an empty store is where it begins

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.folder)}
