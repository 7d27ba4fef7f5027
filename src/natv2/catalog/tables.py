"""Tables in Parquet files, written whole or not at all, and compared with their checksum when read."""

import logging
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pandas as pd
from kedro_datasets._typing import TablePreview
from kedro_datasets.pandas import ParquetDataset

from natv2.atomic import write_bytes
from natv2.catalog.previews import preview_of
from natv2.errors import UserError
from natv2.files import one_line
from natv2.recorded import check_recorded

logger = logging.getLogger("natv2")

_CHECKSUM = "sha256"


class TableDataset(ParquetDataset):  # type: ignore[misc] # kedro_datasets has no types
    """A table in a Parquet file, whose values cannot change unseen."""

    def load(self) -> pd.DataFrame:
        """The table. Raises UserError on a damaged or foreign file."""
        path = Path(self._get_load_path())
        check_recorded(path)
        return read_table(path)

    def preview(self, nrows: int = 40) -> TablePreview:
        """What Kedro-Viz shows of it."""
        return TablePreview(preview_of(self.load(), nrows))

    def save(self, data: pd.DataFrame) -> None:
        """Write the table, atomically."""
        write_table(Path(self._get_save_path()), data)
        self._invalidate_cache()


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write `table` to `path` with a SHA-256 over its text, atomically."""
    as_read = pd.read_parquet(BytesIO(table.to_parquet()))  # some values are of other types then
    as_read.attrs = {**as_read.attrs, _CHECKSUM: _checksum(as_read)}
    write_bytes(path, as_read.to_parquet())


def read_table(path: Path) -> pd.DataFrame:
    """The table in `path`. Raises UserError where it is damaged or no table."""
    if not path.is_file():
        raise UserError(f"{path} {'is not a file' if path.exists() else 'does not exist'}")
    try:
        table = pd.read_parquet(path)
        written, found = table.attrs.pop(_CHECKSUM, None), _checksum(table)
    except Exception as error:  # Arrow and pandas have many kinds
        raise UserError(f"{path} is not a whole table ({one_line(error)}); delete it or restore it") from None
    if written is None:
        logger.warning("%s has no checksum, since an earlier version wrote it: damage is not seen", path)
    elif written != found:
        raise UserError(f"{path} is damaged (its checksum is another one); delete it or restore it")
    return table


def _checksum(table: pd.DataFrame) -> str:
    return sha256(table.to_csv().encode()).hexdigest()
