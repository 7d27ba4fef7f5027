"""The supernets that a search has kept of its turns, as a catalog entry."""

from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractVersionedDataset, Version

from natv2.atomic import whole_folder
from natv2.catalog.checkpoint import link
from natv2.recorded import check_recorded
from natv2.search.adaptation.keeping import KeptSupernets


class KeptSupernetsDataset(AbstractVersionedDataset[KeptSupernets, KeptSupernets]):
    """A folder with a folder for each turn; it may be empty.

    The files of the search are linked, not copied. The folder appears when all are in it.
    """

    def __init__(
        self, *, filepath: str, version: Version | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(PurePosixPath(filepath), version)
        self.metadata = metadata

    def load(self) -> KeptSupernets:
        """All files of the folder, each for `natv2.supernets.checkpoint.read_checkpoint`."""
        folder = Path(self._get_load_path())
        check_recorded(folder)
        return KeptSupernets.of(folder)

    def save(self, data: KeptSupernets) -> None:
        """Take all files; an unversioned folder is replaced."""
        with whole_folder(Path(self._get_save_path())) as temporary:
            for name, path in data.files.items():
                link(path, temporary / f"{name}{path.suffix}")

    def _exists(self) -> bool:
        return Path(self._get_load_path()).is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}
