"""The end of a run on the screen: its order, its places, and what to type next."""

import re
from types import SimpleNamespace

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from rich import get_console

from natv2.catalog.sheets import SheetDataset
from natv2.runs.last_screen import show_last_screen
from natv2.runs.next_steps import next_commands
from natv2.runs.summary import places, show_finding, show_places, show_tables

STEPS = pd.DataFrame(
    {
        "supernet": ["SE_B"],
        "width": [1.0],
        **{f"{step} mean": [50.0] for step in ("kernel", "depth", "width")},
    }
).assign(**{"width best": 60.0})


def pipeline(*outputs: str) -> Pipeline:
    return Pipeline([Node(lambda: None, None, list(outputs), name="_".join(outputs))])


REGISTERED = {"export": pipeline("exports"), "plan": pipeline("plan"), "__default__": pipeline("a", "b")}


@pytest.fixture
def networks(tmp_path):
    """A versioned entry with two networks, in a project at `tmp_path`, with what is next."""
    steps = [
        {"for": "what it says", "command": "natv2 predict {file} IMAGES"},
        {"for": "files for others", "pipeline": "export"},
        {"for": "all of it", "pipeline": "__default__"},
    ]
    metadata = {"place": "Finished networks", "next": steps}
    filepath = tmp_path / f"data/{'long_' * 30}/networks.csv"
    dataset = SheetDataset(filepath=str(filepath), metadata=metadata)
    for name in ("network_01", "network_02"):
        filepath.with_name(filepath.name).mkdir(parents=True, exist_ok=True)
        (filepath / f"{name}.safetensors").touch()
    return dataset


@pytest.fixture
def asked(tmp_path):
    return {"project": tmp_path, "env": "demo", "given": {"seed": 3, "search": {"turns": 2}, "fresh": True}}


@pytest.fixture
def versioned(monkeypatch):
    """Paths of entries that are not versioned, as if they were."""
    monkeypatch.setattr(SheetDataset, "_get_load_path", lambda self: self._filepath)


def test_next_are_commands_with_the_options_of_this_one(networks, asked, versioned, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = pd.DataFrame({"name": ["network_01", "network_02"], "accuracy_after": [0.5, 0.6]})
    catalog = DataCatalog({"finished_networks": networks})
    found = next_commands(catalog, {"finished_networks": None, "results": results}, REGISTERED, **asked)
    file = f"data/{'long_' * 30}/networks.csv/network_02.safetensors"
    assert found == {
        f"natv2 predict {file} IMAGES": "what it says",
        "kedro run --pipeline export --env demo --params seed=3,search.turns=2": "files for others",
        "kedro run --env demo --params seed=3,search.turns=2": "all of it",
    }
    (first, *_) = next_commands(catalog, {"finished_networks": None}, REGISTERED, **asked)
    assert first.split("/")[-1] == "network_01.safetensors IMAGES"  # no table says which is the best


def test_what_this_run_has_done_is_not_next(networks, asked, versioned):
    planned = MemoryDataset(metadata={"next": [{"for": "its time", "pipeline": "plan"}]})
    catalog = DataCatalog({"finished_networks": networks, "supernet": planned, "exports": MemoryDataset()})
    saved = {"supernet": None, "finished_networks": None, "exports": None}
    assert list(next_commands(catalog, saved, REGISTERED, **asked).values()) == ["its time"]


def test_a_pipeline_that_is_not_there_is_not_named(asked):
    planned = MemoryDataset(metadata={"next": [{"for": "its time", "pipeline": "another"}]})
    assert next_commands(DataCatalog({"a": planned}), {"a": None}, REGISTERED, **asked) == {}


@pytest.fixture
def narrow(monkeypatch):
    """A terminal of 80 columns."""
    monkeypatch.setattr(type(get_console()), "is_terminal", property(lambda console: True))
    monkeypatch.setattr(type(get_console()), "width", property(lambda console: 80))


def test_long_paths_stand_alone_in_unbroken_lines(networks, versioned, narrow, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    show_places(DataCatalog({"networks": networks}), ["networks"], tmp_path, "'a run'")
    lines = re.sub(r"\x1b\][^\x1b]*\x1b\\|\x1b\[[\d;]*m", "", capsys.readouterr().out).strip().splitlines()
    path = f"data/{'long_' * 30}/networks.csv"
    assert lines == ["Finished networks:", path, "MLflow run:", "'a run'"]


def test_short_paths_stand_beside_their_titles(versioned, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    entry = SheetDataset(filepath=str(tmp_path / "a.csv"), metadata={"place": "Table"})
    show_places(DataCatalog({"table": entry}), ["table"], tmp_path, "'a run'")
    assert capsys.readouterr().out.strip().splitlines() == [
        f"{'Table:':<26}a.csv",
        f"{'MLflow run:':<26}'a run'",
    ]


def test_a_place_that_another_says_more_of_is_not_named(versioned, tmp_path):
    about = {"place": "Plain networks", "unless": "finished"}
    entries = {
        "plain": SheetDataset(filepath=str(tmp_path / "a.csv"), metadata=about),
        "finished": SheetDataset(filepath=str(tmp_path / "b.csv"), metadata={"place": "Plain networks"}),
    }
    catalog = DataCatalog(entries)
    assert places(catalog, ["plain"], tmp_path) == [("Plain networks", "a.csv")]
    assert places(catalog, ["plain", "finished"], tmp_path) == [("Plain networks", "b.csv")]


def test_words_break_between_words_on_a_narrow_terminal(narrow, front, capsys):
    show_finding({"front": front})
    lines = capsys.readouterr().out.strip().splitlines()
    assert max(map(len, lines)) <= 80 and len(lines) == 2
    assert " ".join(line.strip() for line in lines).startswith("Found: a front of 4 networks, from 80.0 %")


def test_what_was_found_comes_first_and_what_it_is_made_of_last(front, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("natv2.runs.last_screen.pipelines", REGISTERED)
    monkeypatch.chdir(tmp_path)
    catalog = DataCatalog(
        {
            "wide.test_table": MemoryDataset(metadata={"table": "Steps", "details": True}),
            "front": MemoryDataset(
                metadata={"table": "High trade-off", "next": [{"for": "files", "pipeline": "export"}]}
            ),
            "verdict": MemoryDataset(metadata={"said": True}),
        }
    )
    saved = {"wide.test_table": STEPS, "front": front, "verdict": "Verdict: none"}
    run = SimpleNamespace(name="search", id="abc", uri="sqlite:///m.db")
    show_last_screen({"project_path": tmp_path, "runtime_params": None, "env": None}, catalog, saved, run)
    said = capsys.readouterr().out
    parts = ("Found: a front", "High trade-off", "Verdict: none", "MLflow run:", "--pipeline export", "Steps")
    assert [said.index(part) for part in parts] == sorted(said.index(part) for part in parts)
    assert said.count("Steps") == 1


def test_a_front_shows_its_high_tradeoff_networks_unless_they_are_finished(front, capsys):
    about = {"table": "High trade-off", "unless": "results"}
    catalog = DataCatalog({"front": MemoryDataset(metadata=about)})
    show_tables(catalog, {"front": front})
    rows = [line.split()[0] for line in capsys.readouterr().out.strip().splitlines()[-3:]]
    assert rows == ["95.00", "93.00", "90.00"]  # the most accurate one and the two that stand out
    show_tables(catalog, {"front": front, "results": front})
    assert capsys.readouterr().out == ""


def test_without_a_terminal_tables_are_fitted_to_columns_or_a_usual_width(capsys, monkeypatch):
    wide = pd.DataFrame({f"column {n}": ["a value"] * 9 for n in range(20)})
    catalog = DataCatalog({"wide": MemoryDataset(metadata={"table": ""})})
    for columns, most in (("70", 70), (None, 120)):
        monkeypatch.delenv("COLUMNS", raising=False)
        if columns:
            monkeypatch.setenv("COLUMNS", columns)
            monkeypatch.setattr(get_console(), "_width", int(columns))
        show_tables(catalog, {"wide": wide})
        assert most - 20 < max(map(len, capsys.readouterr().out.splitlines())) <= most
