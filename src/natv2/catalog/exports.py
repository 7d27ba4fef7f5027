"""Exported networks as a catalog entry."""

import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractVersionedDataset, Version

from natv2.export.formats import ExportedFiles
from natv2.files import write_bytes
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
        folder = Path(self._get_save_path())
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix="."))
        try:
            for name, content in data.items():
                write_bytes(temporary / name, content)
            temporary.chmod(0o755)  # mkdtemp gives the owner alone access
            if folder.exists():
                shutil.rmtree(folder)
            temporary.rename(folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise

    def _exists(self) -> bool:
        return Path(self._get_load_path()).is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}
