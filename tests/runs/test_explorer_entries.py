"""The explorer takes of the catalog what belongs to one search, whichever runs made it."""

import pandas as pd
import pytest
from kedro.io import DataCatalog, Version
from kedro.pipeline import Node

from natv2.catalog.sheets import SheetDataset
from natv2.recorded import RECORD
from natv2.runs.explorer_entries import SearchEntries
from natv2.runs.explorer_file import explorer_commands
from natv2.runs.lineage import Record, Recorder

NAMES = ("archive", "results", "export_table", "never")
SEARCH = Node(lambda: None, None, "archive", name="search")
FINISH = Node(lambda archive: None, "archive", "results", name="finish")
EXPORT = Node(lambda results: None, "results", "export_table", name="export")


@pytest.fixture
def ran(tmp_path):
    """Runs a node as version so, of inputs of these versions; gives the catalog and what the run knows."""

    def run(node: Node, version: str, **read: str) -> tuple[DataCatalog, Recorder]:
        entries = {
            name: SheetDataset(filepath=str(tmp_path / name), version=Version(read.get(name), version))
            for name in NAMES
        }
        catalog = DataCatalog(entries)
        known = {}
        for name, of in read.items():
            text = (tmp_path / name / of / RECORD).read_text()
            known[name] = Record.model_validate_json(text)
        recorder = Recorder(catalog, tmp_path, Record(run=version, pipeline="toy"), known)
        (output,) = node.outputs
        catalog.save(output, pd.DataFrame({"made_in": [version]}))
        recorder.saved(output, None, node)
        return catalog, recorder

    return run


def made_in(entries: SearchEntries, name: str) -> str | None:
    table = entries.load(name)
    return None if table is None else str(table["made_in"][0])


def test_what_was_made_of_another_search_is_left_out(ran, tmp_path):
    ran(SEARCH, "1")
    ran(FINISH, "2", archive="1")
    catalog, recorder = ran(SEARCH, "3")
    entries = SearchEntries(catalog, tmp_path, recorder.records)
    assert entries.search == "3" and made_in(entries, "archive") == "3"
    assert made_in(entries, "results") is None
    assert made_in(entries, "never") is None
    assert entries.versions == {"archive": "3"}


def test_what_other_runs_made_of_the_same_search_is_there(ran, tmp_path):
    ran(SEARCH, "1")
    ran(FINISH, "2", archive="1")
    ran(EXPORT, "3", results="2")
    ran(SEARCH, "4")
    ran(FINISH, "5", archive="4")
    catalog, recorder = ran(EXPORT, "6", results="2")  # a person has chosen it: of the older search
    entries = SearchEntries(catalog, tmp_path, recorder.records)
    assert entries.search == "1"
    versions = {name: made_in(entries, name) for name in ("archive", "results", "export_table")}
    assert versions == {"archive": "1", "results": "2", "export_table": "6"}
    assert catalog.get("archive")._version == Version(None, "6")  # as it was


def test_of_results_that_were_made_anew_the_exports_of_the_older_ones_are_left_out(ran, tmp_path):
    ran(SEARCH, "1")
    ran(FINISH, "2", archive="1")
    ran(EXPORT, "3", results="2")
    catalog, recorder = ran(FINISH, "4", archive="1")
    entries = SearchEntries(catalog, tmp_path, recorder.records)
    assert (made_in(entries, "results"), made_in(entries, "export_table")) == ("4", None)


def test_a_damaged_entry_is_left_out_and_said(ran, tmp_path, caplog):
    ran(SEARCH, "1")
    ran(FINISH, "2", archive="1")
    catalog, recorder = ran(EXPORT, "3", results="2")
    (tmp_path / "archive/1/archive").write_text("made_in\nelsewhere\n")
    assert SearchEntries(catalog, tmp_path, recorder.records).load("archive") is None
    assert "the explorer does without archive" in caplog.text


def test_commands_have_the_options_of_the_run_and_places_for_a_network():
    told = explorer_commands("demo", {"seed": 3, "postprocess": {"method": "aep"}})
    start = "kedro run --pipeline postprocess --env demo --params"
    assert told == {
        "finish": f"{start} 'seed=3,postprocess.method=aep,postprocess.finish={{macs}}'",
        "finish_front": f"{start} seed=3,postprocess.method=aep,postprocess.finish=front",
        "refine": f"{start} seed=3,postprocess.method=both",
    }
    assert explorer_commands(None, {"search": {"resolutions": [16, 24]}}) == {}
