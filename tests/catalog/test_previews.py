"""What Kedro-Viz shows of tables."""

import inspect

import numpy as np
import pandas as pd
import pytest
from kedro_datasets._typing import TablePreview

from natv2.catalog.sheets import SheetDataset
from natv2.catalog.tables import TableDataset

TABLE = pd.DataFrame(
    {
        "name": ["one", None, "=three"],
        "macs": [1_234_567, 2, 3],
        "params": [1234567.25, 0.0, np.nan],
        "gain": [0.5583333333, -0.000123456, np.inf],
        "unknown": [np.nan] * 3,
    }
)


@pytest.mark.parametrize(("kind", "suffix"), [(SheetDataset, "csv"), (TableDataset, "parquet")])
@pytest.mark.parametrize("versioned", [False, True])
def test_tables_are_shown_in_numbers_that_can_be_read(tmp_path, kind, suffix, versioned):
    from kedro.io import Version

    version = Version(None, "2026-01-01T00.00.00.000Z") if versioned else None
    dataset = kind(filepath=str(tmp_path / f"table.{suffix}"), version=version)
    dataset.save(TABLE)
    shown = dataset.preview()
    assert shown["columns"] == ["name", "macs", "params", "gain"]
    assert shown["data"] == [
        ["one", 1_234_567, 1234567.0, 0.5583],
        ["–", 2, 0.0, -0.0001235],
        ["=three", 3, "–", "inf"],
    ]
    assert [row[1] for row in dataset.preview(nrows=1)["data"]] == [1_234_567]
    assert inspect.signature(dataset.preview).return_annotation is TablePreview  # Kedro-Viz goes by it


def test_a_list_in_a_table_is_shown_as_it_is_written(tmp_path):
    dataset = TableDataset(filepath=str(tmp_path / "table.parquet"))
    dataset.save(pd.DataFrame({"kernels": [[3, 5]]}))
    assert dataset.preview()["data"] == [["[3 5]"]]
