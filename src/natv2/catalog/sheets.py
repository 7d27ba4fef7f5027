"""Tables as CSV files that a spreadsheet may open."""

import pandas as pd
from kedro_datasets.pandas import CSVDataset

from natv2.reporting.spreadsheets import with_formulas, without_formulas


class SheetDataset(CSVDataset):  # type: ignore[misc]  # Kedro's data sets have no types
    """pandas.CSVDataset that puts an apostrophe before what begins like a formula, and takes it off."""

    # Kedro wraps both methods of every class; what it wrapped is called here, lest a version is made twice.

    def load(self) -> pd.DataFrame:
        """The table as it was saved."""
        return with_formulas(CSVDataset.load.__wrapped__(self))

    def save(self, data: pd.DataFrame) -> None:
        """Write it."""
        CSVDataset.save.__wrapped__(self, without_formulas(data))
