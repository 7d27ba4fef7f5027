"""A run ends well whatever becomes of its explorer."""

import pytest

from natv2.runs import ending


class Run:
    """What MLflow is told."""

    id = "1"

    def __init__(self) -> None:
        self.kept: dict[str, object] = {}
        self.ended = ""

    def keep(self, name: str, data: object) -> None:
        self.kept[name] = data

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
