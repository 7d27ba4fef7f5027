"""Published supernets as a catalog entry."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from natv2.errors import UserError
from natv2.supernets.import_ofa import PublishedSupernet, read_pair


class PublishedDataset(AbstractDataset[None, tuple[PublishedSupernet, ...]]):
    """OFA's two files, in either order; read only, once, and kept until Kedro has no more use for them."""

    def __init__(self, *, narrow: str, wide: str) -> None:
        self.paths = (Path(narrow), Path(wide))
        self._supernets: tuple[PublishedSupernet, ...] | None = None

    def load(self) -> tuple[PublishedSupernet, ...]:
        """The supernets, the narrow one first. Raises UserError on files that are not these."""
        if self._supernets is None:
            self._supernets = read_pair(self.paths)
        return self._supernets

    def save(self, data: None) -> None:
        """Raise UserError: others have published them."""
        raise UserError("published supernets can only be read")

    def _exists(self) -> bool:
        return all(path.exists() for path in self.paths)

    def _release(self) -> None:
        self._supernets = None

    def _describe(self) -> dict[str, Any]:
        return {"paths": [str(path) for path in self.paths]}
