"""Files that have changed since their run are not read."""

import json
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Node

from natv2.catalog.runs import RunTablesDataset
from natv2.errors import UserError
from natv2.recorded import CHECKSUMS, RECORD, check_recorded, checksums
from natv2.runs.lineage import Record, Recorder
from tests.mutated import loaded


def saved(root: Path, kind: str, data: object, name: str) -> tuple[DataCatalog, Path]:
    """A catalog with an entry that a run has saved as `name` and recorded; and its file."""
    config = {"entry": {"type": kind, "filepath": str(root / name), "versioned": True}}
    catalog = DataCatalog.from_config(config, save_version="1", load_versions={"entry": "1"})
    catalog.save("entry", data)
    recorder = Recorder(catalog, root, Record(run="1", pipeline="toy"), {})
    recorder.saved("entry", data, Node(lambda: data, None, "entry", name="make"))
    return catalog, root / name / "1" / name


TABLE = pd.DataFrame({"name": ["=a", "b"], "top1": [0.5, 0.25]})


def test_a_changed_table_is_named_wherever_it_is_read(tmp_path):
    catalog, file = saved(tmp_path, "natv2.catalog.sheets.SheetDataset", TABLE, "t.csv")
    runs = RunTablesDataset(folder=str(tmp_path), table="t.csv", tags={}, made_by=None, project=str(tmp_path))
    (file.parent / f".~lock.{file.name}#").write_text(",me,here,now;")  # LibreOffice has it open
    file.touch()
    pd.testing.assert_frame_equal(catalog.load("entry"), TABLE)
    assert runs.load()["top1"].tolist() == [0.5, 0.25]
    file.write_text(file.read_text().replace("0.25", "0.75"))
    for dataset in (catalog.get("entry"), runs):
        with pytest.raises(UserError, match="is not as its run saved it") as error:
            loaded(dataset)
        assert error.value.message.startswith(str(file))


def test_what_has_no_checksum_is_read_as_before(tmp_path):
    catalog, file = saved(tmp_path, "natv2.catalog.sheets.SheetDataset", TABLE, "t.csv")
    file.write_text(file.read_text().replace("0.25", "0.75"))
    record = file.parent / RECORD
    whole = json.loads(record.read_text())
    for text in ("{", "[]", json.dumps({**whole, CHECKSUMS: 5}), json.dumps({"run": "1"})):
        record.write_text(text)
        assert catalog.load("entry")["top1"].tolist() == [0.5, 0.75]
    record.unlink()
    assert catalog.load("entry")["top1"].tolist() == [0.5, 0.75]


@pytest.mark.parametrize(
    ("kind", "name", "data"),
    [
        ("natv2.catalog.values.ValuesDataset", "s.json", {"seed": 0}),
        ("natv2.catalog.tables.TableDataset", "t.parquet", TABLE),
        ("plotly.JSONDataset", "f.json", None),
        ("text.TextDataset", "p.html", "<html>"),
    ],
)
def test_every_format_is_recorded(tmp_path, kind, name, data):
    _, file = saved(tmp_path, kind, go.Figure() if data is None else data, name)
    assert json.loads((file.parent / RECORD).read_text())[CHECKSUMS] == checksums(file)
    check_recorded(file)
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(UserError, match="is not as its run saved it"):
        check_recorded(file)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "turn_1/a.safetensors").write_bytes(b"other"), "not as its run saved it"),
        (lambda folder: (folder / "b.safetensors").unlink(), "is gone"),
        (lambda folder: (folder / "c.safetensors").touch(), "none of the files that its run has saved"),
        (lambda folder: (folder / "notes.txt").touch(), None),
    ],
)
def test_all_networks_of_a_folder_count_and_nothing_else(tmp_path, change, said):
    folder = tmp_path / "networks"
    (folder / "turn_1").mkdir(parents=True)
    for name in ("turn_1/a.safetensors", "b.safetensors"):
        (folder / name).write_bytes(name.encode())
    (tmp_path / RECORD).write_text(json.dumps({CHECKSUMS: checksums(folder)}))
    check_recorded(folder)
    change(folder)
    if said is None:
        check_recorded(folder)
        return
    with pytest.raises(UserError, match=said):
        check_recorded(folder)


def test_what_is_not_there_is_left_to_its_reader(tmp_path):
    (tmp_path / RECORD).write_text(json.dumps({CHECKSUMS: {"t.csv": "0"}}))
    check_recorded(tmp_path / "t.csv")


def test_any_file_of_a_folder_that_was_changed_is_told_and_what_is_put_beside_them_is_not(tmp_path):
    """Exports are of many kinds: one changed since its certificate is no more what that says."""
    place = tmp_path / "exports"
    (place / "network_01").mkdir(parents=True)
    (place / "network_01" / "network_01.onnx").write_bytes(b"graph")
    (place / "notes.txt").write_bytes(b"notes")
    (tmp_path / RECORD).write_text(json.dumps({CHECKSUMS: checksums(place)}))
    (place / ".DS_Store").write_bytes(b"")
    (place / "later.txt").write_bytes(b"a person's own")
    check_recorded(place)
    (place / "network_01" / "network_01.onnx").write_bytes(b"other")
    with pytest.raises(UserError, match=r"network_01\.onnx is not as its run saved it"):
        check_recorded(place)
    (place / "network_01" / "network_01.onnx").unlink()
    with pytest.raises(UserError, match=r"network_01\.onnx is gone"):
        check_recorded(place)
