"""Tables of results say from which run."""

import pandas as pd
from kedro.io import DataCatalog

from natv2.runs.lineage import Record, Recorder
from natv2.runs.summary import show_tables


def named(run_of: object, table: pd.DataFrame) -> pd.DataFrame:
    """`table` as it is saved where the catalog says `run_of`; the entries old and new are of two runs."""
    metadata = {} if run_of is None else {"run_of": run_of}
    catalog = DataCatalog.from_config(
        {"results": {"type": "pandas.CSVDataset", "filepath": "none.csv", "metadata": metadata}}
    )
    known = {"old": Record(run="2026-01"), "new": Record(run="2026-02")}
    Recorder(catalog, None, Record(run="2026-03"), known).name_runs("results", table)  # type: ignore[arg-type]
    return table


def test_a_table_names_the_run_of_the_entry_that_it_is_of():
    table = named("old", pd.DataFrame({"name": ["a", "b"]}))
    assert table["run"].tolist() == ["2026-01", "2026-01"]
    table = named(
        {"single": "old", "pruned": "new"}, pd.DataFrame({"variant": ["pruned", "single", "other"]})
    )
    assert table["run"].tolist() == ["2026-02", "2026-01", ""]
    assert list(named(None, pd.DataFrame({"name": ["a"]}))) == ["name"]
    assert named("gone", pd.DataFrame({"name": ["a"]}))["run"].tolist() == [""]


def test_runs_are_shown_where_several_are_compared(capsys):
    titled = DataCatalog.from_config(
        {"compared": {"type": "pandas.CSVDataset", "filepath": "none.csv", "metadata": {"table": "Compared"}}}
    )
    one = pd.DataFrame({"training": ["a", "b"], "top1": [1.0, 2.0], "run": ["2026-01", "2026-01"]})
    show_tables(titled, {"compared": one})
    assert "2026-01" not in capsys.readouterr().out
    show_tables(titled, {"compared": one.assign(run=["2026-01", "2026-03 2026-02 2026-01"])})
    first, second = capsys.readouterr().out.strip().splitlines()[-2:]
    assert first.split() == ["a", "1.00", "2026-01"]
    assert second.split() == ["b", "2.00", "2026-03", "+2"]
