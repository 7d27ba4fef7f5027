"""Exported networks as a catalog entry."""

from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractVersionedDataset, Version

from natv2.atomic import whole_folder, write_bytes
from natv2.export.formats import ExportedFiles
from natv2.recorded import check_recorded


class ExportsDataset(AbstractVersionedDataset[ExportedFiles, ExportedFiles]):
    """A folder of files, of which none is opened: they are for other programs.

    The folder appears when all its files are written.
    """

    def __init__(
        self, *, filepath: str, version: Version | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(PurePosixPath(filepath), version)
        self.metadata = metadata

    def load(self) -> ExportedFiles:
        """All files of the folder, as bytes. Raises UserError where one has changed."""
        folder = Path(self._get_load_path())
        check_recorded(folder)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}

    def save(self, data: ExportedFiles) -> None:
        """Write all files; an unversioned folder is replaced."""
        with whole_folder(Path(self._get_save_path())) as temporary:
            for name, content in data.items():
                write_bytes(temporary / name, content)

    def _exists(self) -> bool:
        return Path(self._get_load_path()).is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}
