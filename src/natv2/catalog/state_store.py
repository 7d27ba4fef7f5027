"""The store of a run's progress as a catalog entry."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from natv2.errors import UserError
from natv2.training.state_store import Progress


class ProgressDataset(AbstractDataset[None, Progress]):
    """Where loops leave what they need to go on after a stop.

    During a run the hooks point `folder` to the open attempt's and hand every node its own part of it
    (natv2.runs.hooks). Not versioned: progress is replaced after every epoch or turn.
    """

    def __init__(self, *, filepath: str) -> None:
        self.root = Path(filepath)
        self.folder = self.root

    def load(self) -> Progress:
        """The store of the open attempt; of no attempt where no run is going on."""
        return Progress(folder=self.folder)

    def save(self, data: None) -> None:
        """Raise UserError: loops save into what `load` gives."""
        raise UserError("progress is not an output of a node")

    def _exists(self) -> bool:
        return True  # an empty store is where a run begins

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.root)}
