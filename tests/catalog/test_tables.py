from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError, Version

from natv2.catalog.tables import TableDataset, read_table, write_table
from natv2.errors import UserError

TABLE = pd.DataFrame(
    {
        "accuracy": np.random.default_rng(0).random(300),
        "macs": np.arange(300),
        "depths": ["2-3-4-2-3"] * 300,
        "feasible": [True, False] * 150,
        "note": [None, "é"] * 150,
    }
)


def dataset(folder: Path) -> TableDataset:
    return TableDataset(filepath=str(folder / "table.parquet"), version=Version(None, "v1"))


def test_a_table_comes_back_as_it_was(tmp_path):
    data = dataset(tmp_path)
    assert not data.exists()
    data.save(TABLE)
    assert data.exists()
    pd.testing.assert_frame_equal(data.load(), TABLE)
    assert data.load().attrs == {}
    file = tmp_path / "table.parquet/v1/table.parquet"
    pd.testing.assert_frame_equal(pd.read_parquet(file), TABLE)  # anybody can read it
    assert data.preview(nrows=2)["data"][1][:3] == [round(TABLE["accuracy"][1], 4), 1, "2-3-4-2-3"]


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame(),
        pd.DataFrame({"a": []}),
        pd.DataFrame({"a": [np.nan, 1.5], "b": [[1, 2], [3]]}, index=[4, 7]),
        pd.DataFrame(
            {"kind": pd.Categorical(["x", "y", "x"]), "half": np.array([0.1, 0.2, 0.3], np.float32)}
        ),
    ],
    ids=lambda table: "-".join(map(str, table.columns)),
)
def test_tables_of_all_sorts(tmp_path, table):
    write_table(tmp_path / "a.parquet", table)
    read = read_table(tmp_path / "a.parquet")
    assert read.to_csv() == pd.read_parquet(tmp_path / "a.parquet").to_csv()
    assert list(read.columns) == list(table.columns) and list(read.index) == list(table.index)


def test_an_earlier_table_has_no_checksum_and_is_read_with_a_warning(tmp_path, caplog):
    TABLE.to_parquet(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "a.parquet"), TABLE)
    assert "has no checksum" in caplog.text


def test_what_is_no_table_is_one_sentence(tmp_path):
    path = tmp_path / "table.parquet/v1/table.parquet"
    dataset(tmp_path).save(TABLE)
    content = path.read_bytes()
    for damaged in (b"", b"PAR1", content[:-1], content[:100], b"accuracy,macs\n1,2\n"):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=f"{path} is not a whole table") as raised:
            read_table(path)
        assert "\n" not in raised.value.message
        with pytest.raises(DatasetError) as wrapped:
            dataset(tmp_path).load()
        assert isinstance(wrapped.value.__cause__, UserError)
    with pytest.raises(UserError, match="does not exist"):
        read_table(tmp_path / "b.parquet")
    with pytest.raises(UserError, match="is not a file"):
        read_table(tmp_path)
