"""A table comes back as it was, and its file holds nothing that a spreadsheet runs."""

from pathlib import Path

import pandas as pd
from kedro.io import DataCatalog

from natv2.catalog.runs import RunTablesDataset


def test_formulas_are_only_texts_in_the_file(tmp_path: Path) -> None:
    entry = {
        "type": "natv2.catalog.sheets.SheetDataset",
        "filepath": str(tmp_path / "t.csv"),
        "versioned": True,
    }
    catalog = DataCatalog.from_config({"table": entry})
    table = pd.DataFrame({"class": ["=HYPERLINK(1)", "cat"], "change": [-1.5, 2.0]})
    catalog.save("table", table)
    (file,) = (path for path in tmp_path.rglob("t.csv") if path.is_file())
    assert file.read_text().splitlines() == ["class,change", "'=HYPERLINK(1),-1.5", "cat,2.0"]
    pd.testing.assert_frame_equal(catalog.load("table"), table)
    runs = RunTablesDataset(folder=str(tmp_path), table="t.csv", tags={}, made_by=None, project=str(tmp_path))
    assert runs.load()["class"].tolist() == table["class"].tolist()
