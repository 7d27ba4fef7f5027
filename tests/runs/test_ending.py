"""A run ends well whatever becomes of its explorer."""

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset

from natv2.runs import ending


class Run:
    """What MLflow is told."""

    id = "1"

    def __init__(self) -> None:
        self.kept: dict[str, object] = {}
        self.ended = ""

    def keep(self, name: str, data: object) -> None:
        self.kept[name] = data

    def track(self, numbers: dict[str, float], step: int) -> None:
        self.numbers = numbers

    def describe(self, text: str) -> None:
        self.text = text

    def end(self, how: str) -> None:
        self.ended = how


@pytest.mark.parametrize("works", [True, False])
def test_an_explorer_that_cannot_be_written_is_only_said(monkeypatch, tmp_path, caplog, works):
    def write(*_: object) -> str:
        if not works:
            raise KeyError("turn")
        return "<!doctype html>"

    shown = []
    monkeypatch.setattr(ending, "write_explorer", write)
    monkeypatch.setattr(ending, "places", lambda catalog, saved, project: [(name, "") for name in saved])
    monkeypatch.setattr(
        ending, "show_last_screen", lambda params, catalog, saved, run: shown.append(list(saved))
    )
    params = {"project_path": str(tmp_path), "env": None, "runtime_params": None, "run_id": "2"}
    run = Run()
    ending.end_well(params, {}, {"archive": None}, run, object(), {})
    assert run.ended == "FINISHED"
    assert shown == [["explorer", "archive"] if works else ["archive"]]
    assert run.kept == ({"explorer": "<!doctype html>"} if works else {})
    assert ("the explorer was not written: KeyError: 'turn'" in caplog.text) is not works


def test_a_run_s_page_begins_with_what_was_found_and_its_numbers(monkeypatch, tmp_path, front):
    monkeypatch.setattr(ending, "show_last_screen", lambda *_: None)
    catalog = DataCatalog({"verdict_sentence": MemoryDataset(metadata={"said": True})})
    saved = {"front": front, "verdict_sentence": "Verdict: none.", "other": "not said"}
    params = {"project_path": str(tmp_path), "env": None, "runtime_params": None, "run_id": "2"}
    run = Run()
    ending.end_well(params, catalog, saved, run, None, {})
    found, verdict, table = run.text.split("\n\n")
    assert found.startswith("Found: ") and verdict == "Verdict: none."
    assert {"| found_top1 | 0.95 |", "| macs | 2,000,000 |"} <= set(table.splitlines())
    many = {"supernet": [f"EE_D_{number}" for number in range(500)], "preset": "nat", "seed": 0}
    names = ("dataset", "objectives", "searched_exits", "settings")
    table = pd.DataFrame({**many, **dict.fromkeys(names, ""), "hypervolume": 0.5})
    ending.end_well(params, catalog, {"searches_table": table}, run, None, {})
    assert len(run.numbers) == 500 and len(run.text) < 8_000
