"""Tables as CSV files that a spreadsheet may open."""

from pathlib import Path

import pandas as pd
from kedro_datasets._typing import TablePreview
from kedro_datasets.pandas import CSVDataset

from natv2.catalog.previews import preview_of
from natv2.errors import UserError
from natv2.files import one_line
from natv2.recorded import check_recorded
from natv2.reporting.spreadsheets import with_formulas, without_formulas


class SheetDataset(CSVDataset):  # type: ignore[misc]  # Kedro's data sets have no types
    """pandas.CSVDataset that puts an apostrophe before what begins like a formula, and takes it off.

    A file that has changed since its run is not read; to open it in a spreadsheet changes nothing.
    """

    # Kedro wraps both methods of every class; what it wrapped is called here, lest a version is made twice.

    def load(self) -> pd.DataFrame:
        """The table as it was saved. Raises UserError on a changed or damaged file."""
        path = Path(self._get_load_path())
        check_recorded(path)
        try:
            return with_formulas(CSVDataset.load.__wrapped__(self))
        except ValueError as error:  # pandas's for what is no table
            raise UserError(f"{path} is no table ({one_line(error)}); delete it or restore it") from None

    def preview(self, nrows: int = 40) -> TablePreview:
        """What Kedro-Viz shows of it."""
        return TablePreview(preview_of(self.load(), nrows))

    def save(self, data: pd.DataFrame) -> None:
        """Write it."""
        CSVDataset.save.__wrapped__(self, without_formulas(data))
